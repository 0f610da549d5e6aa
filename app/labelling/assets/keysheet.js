/** The sheet of all keys, where they can be changed. */

import { closesBy, openDialog } from "./dialogs.js"
import { kbd } from "./pieces.js"
import { sentences } from "./server.js"
import { html } from "./vendor/lit-html/lit-html.js"

/** What each action does, for every action of curator/annotate/keymap.py. @type {Record<string, string>} */
export const ACTIONS = {
  accept: "Accept as is",
  reject: "Reject, then 1 to 6 for the reason",
  skip: "Skip",
  flag: "Flag for a lead",
  undo: "Undo your last act",
  edit: "Into the editor",
  view: "Next view of the response",
  turns: "Earlier messages",
  texts: "Instruction and compared responses rendered, or as written",
  guide: "Guideline",
  keys: "This sheet",
  back: "Your answer before",
  forward: "Your answer after",
  harmful: "Harmful",
  unfactual: "Unfactual",
  biased: "Biased",
  personal_data: "With personal data",
}
const FIXED = [
  ["Ctrl Enter", "Submit and next, also while typing"],
  ["1 to 5", "Rating, or the scale in focus; 0 takes it back"],
  ["1 2 0 9", "Of two responses: left, right, tie, both bad; then 1 to 3 for how much; Esc to choose anew"],
  ["Esc", "Leave the editor; your text stays"],
]

/**
 * Open the sheet.
 *
 * @param {HTMLElement} parent
 * @param {Record<string, string>} keys by action
 * @param {Map<string, string>} taken what the letters of the project's own options choose
 * @param {(keys: Record<string, string>) => Promise<unknown>} save
 */
export function openKeySheet(parent, keys, taken, save) {
  let complaint = ""
  const apply = async (/** @type {HTMLDialogElement} */ box) => {
    const fields = /** @type {HTMLInputElement[]} */ ([...box.querySelectorAll("input")])
    const chosen = Object.fromEntries(fields.map((field) => [field.name, field.value.toLowerCase()]))
    const clash = Object.values(chosen).find((key) => taken.has(key))
    complaint = clash ? `Key ${clash} chooses “${taken.get(clash)}” in this project. Choose another letter.` : ""
    if (!clash)
      try {
        await save(chosen)
        return box.close()
      } catch (error) {
        complaint = sentences(error)
      }
    dialog.draw()
  }
  const row = (/** @type {[string, string]} */ [action, key]) => {
    const isArrow = key.startsWith("Arrow")
    const field = html`
      <input .value=${key} name=${action} maxlength="1" size="1" aria-label=${`Key: ${ACTIONS[action]}`} />`
    return html`<tr><td>${isArrow ? kbd(key) : field}</td><td>${ACTIONS[action]}</td></tr>`
  }
  const dialog = openDialog(
    parent,
    "Keys",
    (box) => html`
      <table>
        ${FIXED.map(([key, effect]) => html`<tr><td><kbd>${key}</kbd></td><td>${effect}</td></tr>`)}
        ${Object.entries(keys).map(row)}
      </table>
      <p role="alert" class="problem">${complaint}</p>
      <div class="row">
        <button class="main" @click=${() => apply(box)}>Keep these keys</button>
        <button @click=${() => box.close()}>Close</button>
      </div>`,
  )
  closesBy(keys.keys, dialog.box)
}
