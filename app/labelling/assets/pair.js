/** Two responses without their names, and which of them is better. */

import { rendered, text } from "./pieces.js"
import { otherSide } from "./record.js"
import { html, nothing } from "./vendor/lit-html/lit-html.js"

/** @import { OpenRecord } from "./record.js" */
/** @import { Side } from "./types.d.ts" */
/** @import { Screen } from "./screen.js" */

/**
 * By key; the order is that of the buttons.
 *
 * @type {[key: string, name: "left" | "right" | "tie" | "both bad", label: string][]}
 */
export const CHOICES = [
  ["1", "left", "Left is better"],
  ["2", "right", "Right is better"],
  ["0", "tie", "Tie"],
  ["9", "both bad", "Both bad"],
]
const STRENGTHS = ["slightly", "clearly", "by far"]

/** @param {Screen} screen @param {OpenRecord} open */
export function pair(screen, open) {
  const { task } = open
  const left = task.shown_left
  const pages = screen.reading.isRendered ? open.texts : null
  const shown = (/** @type {Side} */ name) => (pages ? rendered(pages[name] ?? "") : text(task[name] ?? ""))
  return html`
    <div class="pair">
      ${side("Left response", shown(left))}${side("Right response", shown(otherSide(left)))}
    </div>
    ${preference(screen, open)}`
}

/** @param {string} label @param {unknown} content */
function side(label, content) {
  return html`<div class="side" tabindex="0" role="group" aria-label=${label} @scroll=${scrollBoth}>${content}</div>`
}

/** Both scroll together, by share of their length. @param {Event} event */
function scrollBoth({ currentTarget }) {
  const from = /** @type {HTMLElement} */ (currentTarget)
  const to = from.nextElementSibling ?? from.previousElementSibling
  if (!to || !from.matches(":hover, :focus")) return
  const share = from.scrollTop / Math.max(1, from.scrollHeight - from.clientHeight)
  to.scrollTop = share * (to.scrollHeight - to.clientHeight)
}

/** @param {Screen} screen @param {OpenRecord} open */
function preference(screen, open) {
  const { preference: chosen } = open.answer
  const left = open.task.shown_left
  const names = { [left]: "left", [otherSide(left)]: "right", tie: "tie", "both bad": "both bad" }
  const shown = chosen && names[chosen.choice]
  const choices = CHOICES.map(
    ([key, name, label]) => html`
      <button class="option" aria-pressed=${shown === name} @click=${() => prefer(screen, open, name)}>
        ${label}<kbd aria-hidden="true">${key}</kbd>
      </button>`,
  )
  const strengths = STRENGTHS.map(
    (label, n) => html`
      <button class="option" aria-pressed=${chosen?.strength === n + 1} @click=${() => strengthen(screen, open, n + 1)}>
        ${label}<kbd aria-hidden="true">${n + 1}</kbd>
      </button>`,
  )
  return html`
    <div class="preference">
      <div class="options" role="group" aria-label="Which response is better">${choices}</div>
      <div class="options" role="group" aria-label="How much better">
        ${shown === "left" || shown === "right" ? strengths : nothing}
      </div>
    </div>`
}

/** @param {Screen} screen @param {OpenRecord} open @param {"left" | "right" | "tie" | "both bad"} name */
export function prefer(screen, open, name) {
  open.prefer(name)
  screen.changed()
}

/** @param {Screen} screen @param {OpenRecord} open @param {number} strength */
export function strengthen(screen, open, strength) {
  open.strengthen(strength)
  screen.changed()
}
