/** The record that is open: the task as it was claimed, the answer as it stands, and what was learnt since. */

import { blank, detailOf, hasText, isSame, preselect, problems } from "./answer.js"
import { editBetween, isTouched, moved, passageOf } from "./passages.js"

/** @import { Answer, Body, Claim, Detail, Drawing, Measured, SignOfLife } from "./types.d.ts" */
/** @import { Passage } from "./passages.js" */
/** @import { Side, Task, Texts, Typed, View } from "./types.d.ts" */

/** What a record begins with, from `Drafts.restore`. @typedef {import("./drafts.js").Restored} Restored */

export class OpenRecord {
  /** @param {Task} task @param {Restored} restored @param {number} now milliseconds */
  constructor(task, restored, now) {
    const untouched = blank(task.response)
    this.task = task
    /** @type {Answer} */
    this.answer = { ...untouched, ...structuredClone(restored.answer ?? {}) }
    if (!restored.answer) preselect(this.answer, task)
    /** When the text was typed that was brought back; null when the record began as it came. */
    this.restoredAt = restored.answer && !isSame(restored.answer, untouched) ? restored.at : null
    /** Another text of the same annotator, to choose instead. */
    this.other = restored.other
    this.expires = now + task.lease_seconds * 1000
    /** Digits say how much better a response is, now that one is chosen. */
    this.weighs = isSide(this.answer.preference?.choice)
    /** @type {Measured | null} */
    this.measured = null
    /** What is asked otherwise by now: questions, guideline or both. @type {string | null} */
    this.outdated = null
    /** Why the text stays in this browser: the record was answered in another window. */
    this.elsewhere = /** @type {{ problem: string, hint: string } | null} */ (null)
    /** @type {View} */
    this.view = "edit"
    /** What is shown in place of the editor. @type {{ how: View, drawing: Drawing | null } | null} */
    this.shown = null
    /** What the server made of the texts for reading. @type {Texts | null} */
    this.texts = null
    /** Whether earlier messages are unfolded; null as long as their number decides. @type {boolean | null} */
    this.isUnfolded = null
    /** Details whose passage was edited since it was marked. @type {WeakSet<Detail>} */
    this.touched = new WeakSet()
    /** Id of the question whose rule is shown; null for the first one. @type {string | null} */
    this.focused = null
  }

  get isPair() {
    return this.task.alternative !== null
  }

  get isEdited() {
    return this.answer.response !== this.task.response
  }

  get hasText() {
    return hasText(this.answer, this.task)
  }

  /** What keeps the answer from being submitted. */
  get problems() {
    return problems(this.answer, this.task)
  }

  /**
   * Take in another text of the response, with which the passages move.
   *
   * @param {string} text
   * @param {number} [caret] where the edit ended, in code points
   */
  edit(text, caret) {
    const edit = editBetween(this.answer.response, text, caret)
    this.answer.response = text
    for (const detail of this.answer.details) {
      const passage = passageOf(detail)
      if (!passage) continue
      if (isTouched(passage, edit)) this.touched.add(detail)
      Object.assign(detail, moved(passage, edit) ?? { start: null, end: null })
    }
  }

  /** Mark a passage for a check, beside those that it has. @param {string} check @param {Passage} passage */
  mark(check, passage) {
    const first = detailOf(this.answer, check)
    const isFree = passageOf(first) === null
    const detail = isFree ? first : { check, severity: null, start: null, end: null, reason: "" }
    Object.assign(detail, passage)
    this.touched.delete(detail)
    if (!isFree) this.answer.details.push(detail)
  }

  /** Take a passage out; severity and reason of its check stay. @param {Detail} detail */
  unmark(detail) {
    this.touched.delete(detail)
    Object.assign(detail, { start: null, end: null })
    const { details } = this.answer
    const isFirst = details.find((each) => each.check === detail.check) === detail
    if (!isFirst) details.splice(details.indexOf(detail), 1)
  }

  /** Whether the text of a passage was changed, or taken away, since it was marked. @param {Detail} detail */
  hasChangedUnder(detail) {
    return this.touched.has(detail)
  }

  /** @param {"left" | "right" | "tie" | "both bad"} name */
  prefer(name) {
    const left = this.task.shown_left
    const choice = name === "left" ? left : name === "right" ? otherSide(left) : name
    this.answer.reject = null
    this.answer.preference = { choice, strength: null, shown_left: left }
    this.weighs = isSide(choice)
  }

  /** How much better the chosen response is, 1 to 3. @param {number} strength */
  strengthen(strength) {
    if (this.answer.preference) this.answer.preference.strength = strength
  }

  /** The answer that accepts the record as it came. @returns {Answer} */
  accepted() {
    return { ...this.answer, rating: this.answer.rating ?? 4, reject: null, checks: {}, details: [] }
  }

  /** Begin anew: neither what was typed nor the other text is wanted. */
  discard() {
    this.answer = blank(this.task.response)
    this.restoredAt = null
    this.other = null
  }

  /** Go on with the other text; the one that was shown is then the other one. @param {number} now @returns {Typed} */
  swap(now) {
    const shown = { answer: structuredClone(this.answer), at: now }
    this.answer = { ...blank(this.task.response), ...structuredClone(this.other?.answer ?? {}) }
    this.other = shown
    this.restoredAt = null
    return shown
  }

  /** Take in a sign of life: whether the record is still held, and what is asked by now. */
  hear(/** @type {SignOfLife} */ { mine, lease_seconds, now }, /** @type {number} */ at) {
    const changed = [
      now.questions_hash !== this.task.questions_hash && "questions",
      now.guideline_hash !== this.task.guideline_hash && "guideline",
    ].filter(Boolean)
    if (changed.length) this.outdated ??= changed.join(" and ")
    if (mine) this.expires = at + lease_seconds * 1000
  }

  /** The claim as the server knows it. @param {number} active_seconds @returns {Claim} */
  claim(active_seconds) {
    const { token, slot_id: slot, record_id: record, expires_at } = this.task
    return { token, slot, record, expires_at, active_seconds }
  }

  /** The answer with what was seen while it was given. @param {number} active_seconds @returns {Body} */
  body(active_seconds) {
    const { questions_hash, guideline_hash, suggestions, suggestions_hidden } = this.task
    const answer = this.isEdited ? this.answer : { ...this.answer, edit_reasons: [] } // asked of an edited text only
    const saw_suggestions = suggestions.length ? true : suggestions_hidden ? false : null
    return structuredClone({ ...this.claim(active_seconds), answer, questions_hash, guideline_hash, saw_suggestions })
  }
}

/** @param {Side} side @returns {Side} */
export function otherSide(side) {
  return side === "response" ? "alternative" : "response"
}

/** Whether a choice is for one of two responses. @param {string | undefined} choice */
export function isSide(choice) {
  return choice === "response" || choice === "alternative"
}
