/** The guideline, whether it was read, and what changed in it and in the questions while a record was open. */

import { closesBy, openDialog } from "./dialogs.js"
import { sentences } from "./server.js"
import { unsafeHTML } from "./vendor/lit-html/directives/unsafe-html.js"
import { html } from "./vendor/lit-html/lit-html.js"
import { drawn } from "./views.js"

/** @import { Screen } from "./screen.js" */

/** @param {Screen} screen */
function key({ data }) {
  return `curator guideline ${data.person} ${data.project}`
}

/** Whether the guideline differs from the one that was read here last. @param {Screen} screen */
export function hasNewGuide(screen) {
  const { task } = screen
  return Boolean(task?.guideline) && localStorage.getItem(key(screen)) !== task?.guideline_hash
}

/** Open the guideline, which counts as reading it. @param {Screen} screen */
export function showGuide(screen) {
  const page = screen.task?.guideline || "<p>This project has no guideline yet.</p>" // rendered without HTML
  const { box } = openDialog(
    screen.root,
    "Guideline",
    (box) => html`
      <div class="rendered" dir="auto">${unsafeHTML(page)}</div>
      <button @click=${() => box.close()}>Close</button>`,
  )
  if (screen.sheet) closesBy(screen.sheet.keys.guide, box)
  if (screen.task) localStorage.setItem(key(screen), screen.task.guideline_hash)
  box.addEventListener("close", () => screen.draw())
}

/** Open how guideline and questions differ from those that this record was opened with. @param {Screen} screen */
export async function showChanges(screen) {
  if (!screen.task) return
  const { questions_hash, guideline_hash } = screen.task
  let content = html`<p role="status">Comparing…</p>`
  const dialog = openDialog(
    screen.root,
    "What changed",
    (box) => html`${content}<button @click=${() => box.close()}>Close</button>`,
  )
  try {
    const { reasons, guideline } = await screen.server.call("since", { questions_hash, guideline_hash })
    const sentences = reasons.map((/** @type {string} */ reason) => html`<p>${reason}</p>`)
    content = html`${sentences}${guideline ? drawn("diff", { pieces: guideline }) : ""}`
  } catch (error) {
    content = html`<p role="alert">${sentences(error)}</p>`
  }
  dialog.draw()
}
