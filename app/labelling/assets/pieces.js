/** Small things that several parts draw. Text of a record only ever becomes text, never markup. */

import { html } from "./vendor/lit-html/lit-html.js"
import { keyName } from "./words.js"

/** The key of a button, for the eye alone. @param {string} key */
export function kbd(key) {
  return html`<kbd aria-hidden="true">${keyName(key)}</kbd>`
}

/** Text as it is, with its line breaks, in its own direction. @param {string} content */
export function text(content) {
  return html`<div class="text" dir="auto">${content}</div>`
}
