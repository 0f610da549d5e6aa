/** The line above the record, which says how far everything is, and the line below it with all that can be done. */

import { act, askLead, copyText } from "./acts.js"
import { reasonsToKeepOut } from "./answer.js"
import { run } from "./commands.js"
import { hasNewGuide } from "./guideline.js"
import { kbd } from "./pieces.js"
import { html, nothing } from "./vendor/lit-html/lit-html.js"
import { clock, hours } from "./words.js"

/** @import { OpenRecord } from "./record.js" */
/** @import { Sheet } from "./types.d.ts" */
/** @import { Screen } from "./screen.js" */

const COUNTED =
  "Answers that stand, since midnight UTC and in all; records of the project. " +
  "The time is what you usually take, times the records that wait."

/** @param {Screen} screen @param {Sheet} sheet */
export function header(screen, { progress, project, keys }) {
  const left = progress.hours_left ? ` · ${hours(progress.hours_left)} of work left` : ""
  const settled = `${progress.settled.toLocaleString("en")} of ${progress.records.toLocaleString("en")}`
  return html`
    <header>
      <span class="progress" title=${COUNTED}>
        <b>${project.name}</b> · ${progress.today} today · ${progress.mine} in all · ${settled} records settled${left}
        <progress aria-label="Settled records" max=${progress.records || 1} .value=${progress.settled}></progress>
      </span>
      <span class="message ${screen.isProblem ? "problem" : ""}" role="status">${screen.message}</span>
      <span class="space"></span>
      ${saving(screen)}${lease(screen)}
      <button class="small" @click=${() => run(screen, "keys")}>Keys${kbd(keys.keys)}</button>
      <button class="small" @click=${() => run(screen, "guide")}>
        ${hasNewGuide(screen) ? "Guide ● unread" : "Guide"}${kbd(keys.guide)}
      </button>
    </header>`
}

/** Where the typed text is by now. @param {Screen} screen */
function saving(screen) {
  const { state, detail } = screen.saving
  const texts = {
    nothing: "",
    dirty: "◐ Typing…",
    saving: "◐ Saving…",
    saved: `● Saved ${detail ? clock(detail) : ""}`,
    here: "◐ In this browser only",
    failed: `✖ Not saved, retrying (${detail}); your text is kept in this browser`,
    refused: `✖ ${detail}`,
  }
  const copy = html`<button class="small" @click=${() => copyText(screen)}>Copy text</button>`
  return html`<span class="status ${state}" role="status">${texts[state]}${state === "failed" ? copy : nothing}</span>`
}

/** How long the record is held for this annotator. @param {Screen} screen */
function lease({ minutesLeft }) {
  if (minutesLeft === null) return html`<span class="lease"></span>`
  const text =
    minutesLeft > 0
      ? `yours for ${minutesLeft} more min`
      : "time is up: another annotator may take this record; your text stays"
  return html`<span class="lease ${minutesLeft <= 2 ? "warn" : ""}">${text}</span>`
}

/** @param {Screen} screen @param {OpenRecord} open @param {Sheet} sheet */
export function footer(screen, open, { keys, project }) {
  const isOff = screen.isReadOnly || screen.past !== null
  const left = isOff ? [] : open.problems
  const isEmpty = left.some((problem) => problem.question === "response")
  const canAccept = !isOff && !open.isEdited && !open.isPair
  const button = (/** @type {string} */ action, /** @type {string} */ label, isDisabled = false) => html`
    <button ?disabled=${isDisabled} @click=${once(() => run(screen, action))}>${label}${kbd(keys[action])}</button>`
  return html`
    <footer>
      ${button("back", "Back")}${button("skip", "Skip", isOff)}${button("flag", "Flag", isOff)}
      <button
        title="Press it again to take a rejection out" ?disabled=${isOff}
        aria-pressed=${!isOff && open.answer.reject !== null} @click=${() => run(screen, "reject")}
      >Reject${kbd(keys.reject)}</button>
      ${button("undo", "Undo", screen.isReadOnly)}
      <button class="small" ?disabled=${isOff} @click=${() => askLead(screen)}>I am unsure…</button>
      ${isOff || left.length ? html`<span class="effect" aria-live="polite"></span>` : effect(open, project)}
      <button
        title="Good (4) unless you rated it, no check, the text as it came" ?disabled=${!canAccept}
        @click=${once(() => run(screen, "accept"))}
      >Accept as is${kbd(keys.accept)}</button>
      <button class="main" ?disabled=${isOff || left.length > 0} @click=${once(() => act(screen, "submit"))}>
        ${isEmpty ? "The response is empty" : left.length ? `Submit and next (${left.length} left)` : "Submit and next"}
        <kbd aria-hidden="true">Ctrl ⏎</kbd>
      </button>
    </footer>`
}

/** The rest of a double click falls on the next record and does nothing. @param {() => void} press */
function once(press) {
  return (/** @type {MouseEvent} */ event) => {
    if (event.detail < 2) press()
  }
}

/** What the answer will make of the record. @param {OpenRecord} open @param {Sheet["project"]} project */
function effect({ answer, task }, project) {
  const reasons = reasonsToKeepOut(answer, task, project)
  const text = reasons.length ? `✖ Kept out of versions, because ${reasons.join(" and ")}.` : "✔ Will be accepted."
  return html`<span class="effect ${reasons.length ? "out" : "in"}" aria-live="polite">${text}</span>`
}
