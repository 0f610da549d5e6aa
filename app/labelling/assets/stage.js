/** The screen as a whole: the record on the left, its questions on the right, the bars above and below. */

import { banners } from "./banners.js"
import { footer, header } from "./bars.js"
import { run } from "./commands.js"
import { conversation } from "./conversation.js"
import { pair } from "./pair.js"
import { kbd, marked } from "./pieces.js"
import { questions } from "./questions.js"
import { recordFacts } from "./reading.js"
import { response } from "./response.js"
import { keyed } from "./vendor/lit-html/directives/keyed.js"
import { html, nothing } from "./vendor/lit-html/lit-html.js"

/** @import { OpenRecord } from "./record.js" */
/** @import { Empty, Entry, Sheet } from "./types.d.ts" */
/** @import { Screen } from "./screen.js" */

/** @param {Screen} screen */
export function stage(screen) {
  const { sheet, open } = screen
  if (!sheet) return beginning(screen)
  if (!open) return html`${header(screen, sheet)}${sheet.empty ? emptiness(screen, sheet.empty, sheet.keys) : nothing}`
  // A new record gets new elements: whatever had the focus or a selection belonged to the one before.
  return html`
    ${header(screen, sheet)}
    <div class="banners">${banners(screen, open)}</div>
    ${keyed(
      `${open.task.record_id} ${screen.past?.id}`,
      html`
      <div class="columns" @pointerdown=${() => screen.unhush()}>
        <div class="left">${screen.past ? earlier(screen, screen.past) : current(screen, open, sheet)}</div>
        <div class="right" ?inert=${screen.isReadOnly || screen.past !== null}>${form(screen, open)}</div>
      </div>
      ${footer(screen, open, sheet)}`,
    )}`
}

/** @param {Screen} screen @param {OpenRecord} open @param {Sheet} sheet */
function current(screen, open, sheet) {
  const judged = open.isPair ? pair(screen, open) : response(screen, open, sheet.keys)
  return html`${recordFacts(screen, open.task)}${conversation(screen, open.task, open.answer)}${judged}`
}

/** An earlier answer, to be read. @param {Screen} screen @param {Entry} past */
function earlier(screen, past) {
  return html`
    ${conversation(screen, past, null)}
    <h3>Your response</h3>
    <div class="text view" dir="auto">${marked(past.answer.response, past.answer.details)}</div>`
}

/** @param {Screen} screen @param {OpenRecord} open */
function form(screen, { task, answer }) {
  const { past } = screen
  if (!past) return html`${questions(screen, task, answer)}${screen.remarks.draw(task, screen.isHeld)}`
  const { response, alternative } = past
  return questions(screen, { ...task, response, alternative, suggestions: [] }, past.answer)
}

/** Before the first record is there, or when it could not be brought. @param {Screen} screen */
function beginning(screen) {
  if (!screen.isProblem) return html`<div class="empty" role="status">${screen.message ?? "Loading…"}</div>`
  return html`
    <div class="empty" role="alert">
      <p>✖ ${screen.message}</p>
      <div class="row">
        <button class="main" @click=${() => screen.load()}>Try again</button>
        <button @click=${() => location.reload()}>Reload the page</button>
      </div>
    </div>`
}

/** Why there is no record, and what to do. @param {Screen} screen @param {Empty} empty @param {Sheet["keys"]} keys */
function emptiness(screen, { cause, action, label, done }, keys) {
  const acts = {
    import: () => location.assign(`import_data${location.search}`),
    history: () => location.assign(`history${location.search}`),
    reload: () => screen.load(),
    offer_skipped: () => screen.load({ offer_skipped: true }),
  }
  return html`
    <div class="empty">
      <p>${done ? "✔" : "○"} ${cause}</p>
      <div class="row">
        <button class="main" @click=${acts[action]}>${label}</button>
        <button @click=${() => run(screen, "undo")}>Undo${kbd(keys.undo)}</button>
      </div>
    </div>`
}
