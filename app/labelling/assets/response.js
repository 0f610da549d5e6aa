/** The response that is judged: its editor, its views, and how much of it was changed. */

import { kbd } from "./pieces.js"
import { live } from "./vendor/lit-html/directives/live.js"
import { html } from "./vendor/lit-html/lit-html.js"
import { shownView, viewTabs } from "./views.js"
import { counted } from "./words.js"

/** @import { OpenRecord } from "./record.js" */
/** @import { Screen } from "./screen.js" */

/** @param {Screen} screen @param {OpenRecord} open @param {Record<string, string>} keys */
export function response(screen, open, keys) {
  const oninput = (/** @type {Event} */ event) => {
    open.edit(/** @type {HTMLTextAreaElement} */ (event.target).value)
    screen.changed()
  }
  return html`
    <div class="row">
      <h3>Response</h3>
      <div class="tabs" role="tablist">${viewTabs(screen, open)}${kbd(keys.view)}</div>
    </div>
    <div class="place">
      <textarea
        class="editor" data-field="response" dir="auto" aria-label="Response" spellcheck="true"
        ?hidden=${open.shown !== null} ?readonly=${screen.isHeld}
        .value=${live(open.answer.response)} @input=${oninput}
      ></textarea>
      ${shownView(open)}
    </div>
    <div class="measure" aria-live="polite">${measure(open)}</div>`
}

/** The editor, while a record is open that has one. @param {Screen} screen */
export function editor(screen) {
  return /** @type {HTMLTextAreaElement | null} */ (screen.root.querySelector(".editor"))
}

/** How long the text is and what was changed, as the server counts it. @param {OpenRecord} open */
function measure({ task, measured }) {
  if (!measured) return counted(task.words)
  const { words, added, removed, warnings } = measured
  const slips = warnings.map((each) => html`<span class="warning"> ⚠ ${each}</span>`)
  return html`${counted(words)} · +${added} / -${removed}${slips}`
}

/** The selected passage of the response, in code points. @param {Screen} screen */
export function selectedPassage(screen) {
  const box = editor(screen)
  if (!box || box.selectionStart === box.selectionEnd) return null
  const points = (/** @type {number} */ end) => Array.from(box.value.slice(0, end)).length
  return { start: points(box.selectionStart), end: points(box.selectionEnd) }
}
