/** What an annotator does with a record. Each act is stored before the next record is shown, and stored once. */

import { problems } from "./answer.js"
import { copy } from "./clipboard.js"
import { ask, openDialog } from "./dialogs.js"
import { Refused } from "./server.js"
import { html } from "./vendor/lit-html/lit-html.js"
import { keyName } from "./words.js"

/** @import { Sheet } from "./types.d.ts" */
/** @import { Screen } from "./screen.js" */

/** @typedef {"submit" | "skip" | "flag" | "undo" | "reopen"} Act */

const HUSH_MS = 600 // longer than the gap of a double press, shorter than a look at a record
const LOOK = "pressed again at once: not taken for this record"
const BROUGHT_BACK = ["undo", "reopen"] // acts after which a record comes up that was judged before
const DONE = {
  submit: "Submitted",
  skip: "Skipped; what you typed is kept",
  flag: "Set aside for a lead",
  undo: "Taken back as you left it",
  reopen: "Taken back as you left it",
}
export const ELSEWHERE = {
  code: "answered_elsewhere",
  problem: "You answered this record in another window.",
  hint: "Your text is kept in this browser: copy it, or take your answer back under My history and use it there.",
}

/**
 * Until when a record that comes up is not submitted: a second press is meant for the one before, since the record that
 * follows it at once has been seen by no one yet. A record that was taken back was seen.
 *
 * @param {boolean} isAnother
 * @param {string | undefined} done
 */
export function hushedUntil(isAnother, done) {
  return isAnother && !BROUGHT_BACK.includes(done ?? "") ? performance.now() + HUSH_MS : 0
}

/** Whether a record came up so lately, and untouched, that submitting it is meant for the one before. */
function isHushed(/** @type {Screen} */ screen) {
  if (performance.now() >= screen.hushedUntil) return false
  if (!screen.message?.includes(LOOK)) screen.say(`${screen.message ?? ""} · ${LOOK}`)
  return true
}

/**
 * Submit, skip, flag, undo or take back, and show what comes next. Returns true once it is stored.
 *
 * @param {Screen} screen
 * @param {Act} kind
 * @param {object} [extra]
 */
export async function act(screen, kind, extra = {}) {
  const { open } = screen
  if (screen.isBusy || (screen.isReadOnly && kind !== "undo")) return false
  if (kind === "submit" && (!open || screen.past || open.problems.length)) return pointOut(screen)
  if (kind === "submit" && isHushed(screen)) return false
  screen.isBusy = true
  if (BROUGHT_BACK.includes(kind)) screen.drafts.save() // what was typed on the record that is left for it
  const body = { ...(open ? screen.body() : {}), kind, ...extra }
  const onwait = (/** @type {number} */ tries) =>
    screen.say(`Not saved, retrying (${tries}). Your text is kept here.`, true)
  try {
    // A draft that is on its way must not arrive after the text that a skip or a flag leaves as the draft.
    if (kind === "skip" || kind === "flag") {
      screen.draw()
      await screen.drafts.running?.catch(() => null)
    }
    const sent = screen.server.insist("act", body, onwait) // on its way before the screen is drawn as busy
    screen.draw()
    const sheet = await sent
    if (open && !BROUGHT_BACK.includes(kind)) screen.drafts.drop(open.task.record_id)
    screen.message = sheet.done === "nothing" ? "There is nothing to undo." : told(kind, sheet)
    screen.isProblem = false
    screen.isBusy = false
    screen.show(sheet)
    return true
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    if (error.code === ELSEWHERE.code) screen.keepHere(error)
    else {
      screen.complain(error)
      if (error.status === 409) await screen.load()
    }
    return false
  } finally {
    if (screen.isBusy) {
      screen.isBusy = false
      screen.draw()
    }
  }
}

/** What was done, and how it is undone. @param {Act} kind @param {Sheet} sheet */
function told(kind, { progress, keys }) {
  if (BROUGHT_BACK.includes(kind)) return DONE[kind]
  return `${DONE[kind]}${kind === "submit" ? `, ${progress.today} today` : ""} · Undo ${keyName(keys.undo)}`
}

/** Bring the focus to what is missing. Returns false: nothing was stored. @param {Screen} screen */
function pointOut(screen, [first] = screen.open?.problems ?? []) {
  if (!first || screen.past) return false
  screen.say(first.text, true)
  const place = { response: ".editor", preference: ".preference button" }[first.question]
  const question = `[data-question="${first.question}"] :is(button, input)`
  const field = screen.root.querySelector(place ?? question)
  if (field instanceof HTMLElement) field.focus()
  return false
}

/** Submit the record as it came, rated as good unless it was rated. @param {Screen} screen */
export function accept(screen) {
  const { open } = screen
  if (!open || open.isEdited || open.isPair || isHushed(screen)) return
  const accepted = open.accepted()
  const missing = problems(accepted, open.task)
  if (missing.length) return pointOut(screen, missing)
  open.answer = accepted
  screen.changed()
  act(screen, "submit")
}

/**
 * Ask why the record is rejected and submit that; on a rejected record, take the rejection out.
 *
 * @param {Screen} screen
 */
export function reject(screen) {
  const { open, sheet } = screen
  if (!open || !sheet) return
  if (open.answer.reject !== null) {
    open.answer.reject = null
    screen.say("The rejection is taken out; rate the record or reject it anew.")
    return screen.changed()
  }
  const choose = async (/** @type {string} */ reason) => {
    if (isHushed(screen)) return
    box.close()
    open.answer.reject = reason
    screen.draw()
    if (await act(screen, "submit")) return
    open.answer.reject = null // refused: what is not stored is not shown as rejected
    screen.draw()
  }
  const option = (/** @type {string} */ reason, /** @type {number} */ n) => html`
    <button class="option" @click=${() => choose(reason)}>${reason}<kbd aria-hidden="true">${n + 1}</kbd></button>`
  const { box } = openDialog(
    screen.root,
    "Reject, because it is",
    () => html`
      <div class="options">${sheet.reject_reasons.map(option)}</div>
      <p>Esc cancels. The record is kept, out of every version.</p>`,
  )
  box.addEventListener("keydown", (event) => {
    const reason = sheet.reject_reasons[Number(event.key) - 1]
    if (!reason) return
    event.preventDefault()
    choose(reason)
  })
}

/** Set the record aside for a lead, with a line for them. @param {Screen} screen */
export function flag(screen) {
  const wording = { title: "Flag for a lead", help: "What should the lead know? (optional)", label: "Flag" }
  ask(screen.root, { ...wording, optional: true }, (reason) => {
    act(screen, "flag", { reason }) // not waited for: the dialog is done with
  })
}

/** Ask the lead a question about the record. @param {Screen} screen */
export function askLead(screen) {
  const { task } = screen
  if (!task) return
  const help = "The lead's answer will stand beside similar records."
  ask(screen.root, { title: "I am unsure, because", help, label: "Ask" }, async (question, onwait) => {
    await screen.remarks.send("doubt", task.record_id, question, onwait)
    screen.say("Your question is with the lead; go on, skip or flag.")
  })
}

/**
 * Show the answer before or after the one that is shown; changes nothing.
 *
 * @param {Screen} screen
 * @param {"back" | "forward"} way
 */
export async function browse(screen, way) {
  const id = screen.past?.id
  if (way === "forward" && !id) return
  try {
    const { entry } = await screen.server.call("history", { [way === "back" ? "before" : "after"]: id ?? null })
    if (!entry && way === "back") return screen.say(id ? "This is your first answer." : "You have no answer yet.")
    if (entry && !screen.open) return screen.say("Open My history to take it back.")
    screen.past = entry
    screen.draw()
  } catch (error) {
    screen.complain(error)
  }
}

/** @param {Screen} screen */
export function backToPresent(screen) {
  screen.past = null
  screen.draw()
}

/** Work in this tab; the other one becomes read-only. @param {Screen} screen */
export async function continueHere(screen) {
  screen.tabs.take()
  await screen.load()
}

/** @param {Screen} screen */
export function copyText(screen) {
  if (!screen.open) return
  copy(screen.open.answer.response)
  screen.say("The text is copied.")
}
