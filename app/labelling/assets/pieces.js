/** Small things that several parts draw. Text of a record only ever becomes text, never markup. */

import { united } from "./passages.js"
import { unsafeHTML } from "./vendor/lit-html/directives/unsafe-html.js"
import { html } from "./vendor/lit-html/lit-html.js"
import { keyName } from "./words.js"

/** @import { Detail } from "./types.d.ts" */

/** The key of a button, for the eye alone. @param {string} key */
export function kbd(key) {
  return html`<kbd aria-hidden="true">${keyName(key)}</kbd>`
}

/** Text as it is, with its line breaks, in its own direction. @param {string} content */
export function text(content) {
  return html`<div class="text" dir="auto">${content}</div>`
}

/**
 * A text with what its passages cover marked in it.
 *
 * @param {string} text
 * @param {Pick<Detail, "start" | "end">[]} details
 */
export function marked(text, details) {
  const points = Array.from(text)
  const parts = []
  let until = 0
  for (const { start, end } of united(details)) {
    parts.push(points.slice(until, start).join(""), html`<mark>${points.slice(start, end).join("")}</mark>`)
    until = end
  }
  return [...parts, points.slice(until).join("")]
}

/** Text as HTML that the server made from its Markdown, without HTML and images of its own. @param {string} page */
export function rendered(page) {
  return html`<div class="rendered" dir="auto">${unsafeHTML(page)}</div>`
}
