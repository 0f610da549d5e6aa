/** Small things that several parts draw. Text of a record only ever becomes text, never markup. */

import { unsafeHTML } from "./vendor/lit-html/directives/unsafe-html.js"
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

/** Text as HTML that the server made from its Markdown, without HTML and images of its own. @param {string} page */
export function rendered(page) {
  return html`<div class="rendered" dir="auto">${unsafeHTML(page)}</div>`
}
