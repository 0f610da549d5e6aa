/** The labelling screen: one record at a time, stored before the next one is shown, nothing typed ever lost. */

import { ActiveTime } from "./active.js"
import { act, ELSEWHERE, hushedUntil } from "./acts.js"
import { pressDigit, pressEscape, pressOther, run } from "./commands.js"
import { Drafts } from "./drafts.js"
import { Interruptions } from "./interruptions.js"
import { Keys } from "./keys.js"
import { Pulse } from "./pulse.js"
import { bringTexts, Reading } from "./reading.js"
import { OpenRecord } from "./record.js"
import { Remarks } from "./remarks.js"
import { Refused, Server, sentences } from "./server.js"
import { stage } from "./stage.js"
import { Tabs } from "./tabs.js"
import { render } from "./vendor/lit-html/lit-html.js"
import { showView } from "./views.js"
import { shortened } from "./words.js"

/** @import { Entry, Measured, Question, Sheet, SignOfLife, Start } from "./types.d.ts" */
/** @import { Saving } from "./drafts.js" */

/** @typedef {HTMLElement & { screen?: Screen }} Root */

/**
 * Start the screen in an element of a Streamlit page. Returns the screen.
 *
 * @param {HTMLElement} parent
 * @param {Start} data
 */
export function mount(parent, data) {
  const root = /** @type {Root | null} */ (parent.querySelector(".labelling"))
  if (!root) throw new Error("There is no element for the labelling screen.")
  root.screen ??= new Screen(root, data)
  return root.screen
}

/** Holds what is shown and draws it; what is done with it stands in acts.js and commands.js. */
export class Screen {
  /** @param {Root} root @param {Start} data */
  constructor(root, data) {
    this.root = root
    this.data = data
    /** What the server said last. @type {Sheet | null} */
    this.sheet = null
    /** @type {OpenRecord | null} */
    this.open = null
    /** The earlier answer that is looked at instead. @type {Entry | null} */
    this.past = null
    /** An answer is on its way: what would be typed now is neither in it nor in the next record. */
    this.isBusy = false
    this.hushedUntil = 0
    this.message = data.message
    this.isProblem = false
    /** @type {{ state: Saving | "nothing", detail?: string | number | null }} */
    this.saving = { state: "nothing" }
    /** Minutes until the record may be offered to others. @type {number | null} */
    this.minutesLeft = null

    this.stage = document.createElement("div") // drawn anew; a dialog beside it stays open with what was typed into it
    this.stage.className = "stage"
    root.append(this.stage)
    this.active = new ActiveTime(data.person)
    this.reading = new Reading(data.person)
    this.server = new Server({ project: data.project, person: data.person })
    this.drafts = new Drafts(this.server, data.person, {
      onstate: (state, detail) => this.showSaving(state, detail),
      onmeasured: (token, measured) => this.showMeasured(token, measured),
      onrefused: (token, error) => {
        if (token === this.task?.token && error.code === ELSEWHERE.code) this.keepHere(error)
      },
    })
    this.remarks = new Remarks(this.server, {
      onwait: (tries) => this.say(`The comment is not sent, retrying (${tries}).`, true),
      onrefused: (error, text) => this.complain(error, `Your comment “${shortened(text)}” is not stored. `),
      onchange: () => this.draw(),
    })
    this.keys = new Keys({
      act: (action) => run(this, action),
      digit: (digit) => pressDigit(this, digit),
      option: (key) => pressOther(this, key),
      submit: () => act(this, "submit"),
      leave: () => pressEscape(this),
      paused: () => this.isBusy,
    })
    this.tabs = new Tabs(`${data.project} ${data.person}`, () => this.draw())
    this.interruptions = new Interruptions(root)
    this.pulse = new Pulse(this)
    this.farewell = () => {
      this.active.keep()
      this.drafts.farewell()
      this.remarks.farewell()
    }
    this.holdBack = (/** @type {Event} */ event) => {
      const target = /** @type {HTMLElement} */ (event.target)
      if (!this.isBusy || !target.closest(".columns :is(button, label)")) return
      event.preventDefault()
      event.stopPropagation()
    }
    // The box in which a project or a name was chosen is done with; keys typed now are meant for the record.
    if (document.activeElement instanceof HTMLElement) document.activeElement.blur()
    addEventListener("pagehide", this.farewell)
    root.addEventListener("click", this.holdBack, true)
    this.load()
  }

  /** Take everything away that the screen put into the page. */
  leave() {
    this.farewell()
    this.keys.close()
    this.tabs.close()
    this.interruptions.close()
    this.pulse.close()
    removeEventListener("pagehide", this.farewell)
    this.root.removeEventListener("click", this.holdBack, true)
    delete this.root.screen
    this.root.replaceChildren()
  }

  get task() {
    return this.open?.task ?? null
  }

  /** Another tab of the same person is the one that works. */
  get isReadOnly() {
    return !this.tabs.active
  }

  /** Nothing can be typed or chosen at the moment. */
  get isHeld() {
    return this.isBusy || this.isReadOnly || this.past !== null
  }

  draw() {
    this.root.classList.toggle("busy", this.isBusy)
    this.root.classList.toggle("monospace", this.reading.isMonospace)
    render(stage(this), this.stage)
  }

  /** Ask the server for the next record, or for this one anew. @param {{ offer_skipped?: boolean }} [options] */
  async load(options = {}) {
    const onwait = (/** @type {number} */ tries) => {
      this.message = `The server does not answer, trying again (${tries}).`
      this.isProblem = this.sheet !== null
      this.draw()
    }
    try {
      const sheet = await this.server.insist("task", options, onwait)
      if (!this.sheet) Object.assign(this, { message: this.data.message, isProblem: false })
      this.show(sheet)
    } catch (error) {
      this.complain(error)
    }
  }

  /** Show what the server sent. @param {Sheet} sheet */
  show(sheet) {
    const before = this.task
    const isAnother = before !== null && sheet.task !== null && sheet.task.record_id !== before.record_id
    this.hushedUntil = hushedUntil(isAnother, sheet.done)
    this.sheet = sheet
    this.past = null
    this.open = null
    this.minutesLeft = null
    this.saving = { state: "nothing" }
    this.keys.set(sheet.keys)
    if (sheet.task) {
      const restored = this.drafts.restore(sheet.task)
      this.open = new OpenRecord(sheet.task, restored, Date.now())
      this.active.start(sheet.task.record_id)
      this.pulse.measureLease()
      if (restored.unsaved) this.keepDraft()
    }
    this.draw()
    bringTexts(this)
  }

  /** @param {Record<string, string>} keys by action */
  setKeys(keys) {
    if (this.sheet) this.sheet.keys = keys
    this.keys.set(keys)
    this.draw()
  }

  /** The record was touched, so it was seen. */
  unhush() {
    this.hushedUntil = 0
  }

  /** The annotator changed something: keep it, and draw it with the word that it is not saved yet. */
  changed() {
    this.unhush()
    this.keepDraft()
  }

  keepDraft() {
    if (this.open) this.drafts.note(this.body(), { here: this.open.elsewhere !== null })
  }

  /** The open answer, as it is sent. */
  body() {
    if (!this.open) throw new TypeError("no record is open")
    return this.open.body(this.active.seconds)
  }

  /** Show the rule of a question. @param {Question} question */
  focusOn(question) {
    if (!this.open || this.open.focused === question.id) return
    this.open.focused = question.id
    this.draw()
  }

  discard() {
    if (!this.open) return
    this.drafts.discard(this.open.task.record_id)
    this.open.discard()
    this.changed()
    this.refreshView()
  }

  swap() {
    if (!this.open) return
    this.drafts.settle(this.open.swap(Date.now()))
    this.changed()
    this.refreshView()
  }

  forgetOther() {
    if (!this.open) return
    this.open.other = null
    this.drafts.settle(null)
    this.draw()
  }

  /** Another text stands in the editor, so what is shown in its place is made anew. */
  refreshView() {
    if (this.open && this.open.view !== "edit") showView(this, this.open.view)
  }

  /** Keep the text in the box and in this browser: the server has another answer of this person to this record. */
  keepHere(/** @type {{ problem: string, hint: string }} */ { problem, hint }) {
    if (!this.open) return
    this.open.elsewhere = { problem, hint }
    this.keepDraft()
    this.draw()
  }

  /** @param {string} token @param {Measured} measured */
  showMeasured(token, measured) {
    const { open } = this
    if (!open || token !== open.task.token || this.isBusy) return
    open.measured = measured
    if (measured.answered && !open.elsewhere) this.keepHere(ELSEWHERE)
    else this.hear(measured)
  }

  /** Take in a sign of life; an annotator who types keeps their field. @param {SignOfLife} sign */
  hear(sign) {
    this.open?.hear(sign, Date.now())
    this.pulse.measureLease()
    if (sign.mine) this.draw()
    else this.say("Another annotator may have this record now. What you typed is kept.", true)
  }

  /** @param {Saving} state @param {string | number | null} [detail] */
  showSaving(state, detail) {
    this.saving = { state, detail }
    this.draw()
  }

  /** @param {string} message */
  say(message, isProblem = false) {
    this.message = message
    this.isProblem = isProblem
    this.draw()
  }

  /** Say what went wrong with a call, and the next step; the record stays as it is. @param {unknown} error */
  complain(error, about = "") {
    if (!(error instanceof Refused)) console.error(error)
    this.say(`${about}${sentences(error)}`, true)
  }
}
