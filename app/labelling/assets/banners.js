/** What the annotator should know about the open record before they answer it. */

import { act, backToPresent, continueHere, copyText } from "./acts.js"
import { showChanges } from "./guideline.js"
import { html, nothing } from "./vendor/lit-html/lit-html.js"
import { clock, shortened } from "./words.js"

/** @import { OpenRecord } from "./record.js" */
/** @import { Ruling } from "./types.d.ts" */
/** @import { Screen } from "./screen.js" */

/** @param {Screen} screen @param {OpenRecord} open */
export function banners(screen, open) {
  return [
    screen.isReadOnly ? otherTab(screen) : nothing,
    screen.past ? earlierAnswer(screen) : nothing,
    open.outdated ? changedMeanwhile(screen, open.outdated) : nothing,
    open.task.sent_back ? html`<div class="banner warn"><b>↩ Sent back: </b>${open.task.sent_back}</div>` : nothing,
    open.elsewhere ? answeredElsewhere(screen, open.elsewhere) : nothing,
    open.other && !screen.past ? otherText(screen, open) : nothing,
    open.restoredAt && !screen.past ? restored(screen, open) : nothing,
    open.task.rulings.map(ruling),
  ]
}

/** @param {Screen} screen */
function otherTab(screen) {
  return html`
    <div class="banner warn" role="alert">
      You work in another tab; this one only reads.
      <button @click=${() => continueHere(screen)}>Continue here</button>
    </div>`
}

/** @param {Screen} screen */
function earlierAnswer(screen) {
  const { past } = screen
  if (!past) return nothing
  return html`
    <div class="banner">
      Your answer of ${clock(past.submitted_at)}.
      <button @click=${() => act(screen, "reopen", { annotation: past.id })}>Take it back into the editor</button>
      <button @click=${() => backToPresent(screen)}>Back to the present</button>
    </div>`
}

/** @param {Screen} screen @param {string} what */
function changedMeanwhile(screen, what) {
  return html`
    <div class="banner warn" role="status">
      The ${what} changed while you had this record open. Your answer stays valid under the one you see.
      <button @click=${() => showChanges(screen)}>What changed</button>
      <button @click=${() => screen.load()}>Show the new one, keep my text</button>
    </div>`
}

/** @param {Screen} screen @param {{ problem: string, hint: string }} why */
function answeredElsewhere(screen, { problem, hint }) {
  return html`
    <div class="banner warn" role="alert">
      ${problem} ${hint}
      <button @click=${() => copyText(screen)}>Copy text</button>
      <button @click=${() => screen.load()}>Next record</button>
    </div>`
}

/** @param {Screen} screen @param {OpenRecord} open */
function otherText(screen, { other }) {
  if (!other) return nothing
  return html`
    <div class="banner warn">
      There is another text of yours, from ${clock(other.at ?? 0)}: “${shortened(other.answer.response)}”
      <button @click=${() => screen.swap()}>Use that text</button>
      <button @click=${() => screen.forgetOther()}>Forget it</button>
    </div>`
}

/** @param {Screen} screen @param {OpenRecord} open */
function restored(screen, open) {
  return html`
    <div class="banner">
      Restored ${open.hasText ? "your text" : "what you chose"} from ${clock(open.restoredAt ?? 0)}.
      <button class="small" @click=${() => screen.discard()}>Discard</button>
    </div>`
}

/** @param {Ruling} ruling */
function ruling({ ruling, by, question }) {
  return html`
    <div class="banner"><b>Ruling on a similar record: </b>${ruling}<small> (${by}: “${question}”)</small></div>`
}
