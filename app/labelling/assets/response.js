/** The response that is judged: its editor, its views, and how much of it was changed. */

import { toolCalls } from "./conversation.js"
import { passageOf } from "./passages.js"
import { kbd, marked } from "./pieces.js"
import { live } from "./vendor/lit-html/directives/live.js"
import { html, nothing } from "./vendor/lit-html/lit-html.js"
import { shownView, viewTabs } from "./views.js"
import { counted } from "./words.js"

/** @import { Message } from "./types.d.ts" */
/** @import { OpenRecord } from "./record.js" */
/** @import { Screen } from "./screen.js" */

/** @param {Screen} screen @param {OpenRecord} open @param {Record<string, string>} keys */
export function response(screen, open, keys) {
  const oninput = (/** @type {Event} */ event) => {
    const { value, selectionEnd } = /** @type {HTMLTextAreaElement} */ (event.target)
    open.edit(value, points(value, selectionEnd))
    screen.changed()
  }
  return html`
    <div class="row">
      <h3>Response</h3>
      <div class="tabs" role="tablist">${viewTabs(screen, open)}${kbd(keys.view)}</div>
    </div>
    <div class="place">
      ${open.shown === null && open.answer.details.some(passageOf) ? highlights(screen, open) : nothing}
      <textarea
        class="editor" data-field="response" dir="auto" aria-label="Response" spellcheck="true"
        ?hidden=${open.shown !== null} ?readonly=${screen.isHeld}
        .value=${live(open.answer.response)} @input=${oninput} @scroll=${() => align(screen)}
      ></textarea>
      ${shownView(open)}
    </div>
    ${toolCalls(/** @type {Message} */ (open.task.messages.at(-1)))}
    <div class="measure" aria-live="polite">${measure(open)}</div>`
}

/** The text of the editor once more, behind it: only its marked passages can be seen. */
function highlights(/** @type {Screen} */ screen, /** @type {OpenRecord} */ { answer }) {
  queueMicrotask(() => align(screen))
  const text = marked(answer.response, answer.details)
  return html`<div class="highlights" dir="auto" aria-hidden="true">${text}${"\n"}</div>`
}

/** Scroll the marked passages to where the editor is. @param {Screen} screen */
function align(screen) {
  const behind = screen.root.querySelector(".highlights")
  if (behind) behind.scrollTop = editor(screen)?.scrollTop ?? 0
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
  return { start: points(box.value, box.selectionStart), end: points(box.value, box.selectionEnd) }
}

/** Code points before a place that is counted in UTF-16 units. @param {string} text @param {number} place */
function points(text, place) {
  return Array.from(text.slice(0, place)).length
}
