/** The response in its views: the editor, and what the server makes of the text for reading. */

import { sentences } from "./server.js"
import { unsafeHTML } from "./vendor/lit-html/directives/unsafe-html.js"
import { html, nothing } from "./vendor/lit-html/lit-html.js"

/** @import { Drawing, View } from "./types.d.ts" */
/** @import { OpenRecord } from "./record.js" */
/** @import { Screen } from "./screen.js" */

/** @type {Record<View, string>} */
const TITLES = { edit: "Edit", rendered: "Rendered", diff: "Changes", tokens: "Tokens" }
const SLOW_MS = 200

/** The views of this project, in their order. @param {Screen} screen @returns {View[]} */
function views(screen) {
  return screen.sheet?.project.has_tokens ? ["edit", "rendered", "diff", "tokens"] : ["edit", "rendered", "diff"]
}

/** A tab for each view. @param {Screen} screen @param {OpenRecord} open */
export function viewTabs(screen, open) {
  return views(screen).map(
    (view) => html`
      <button role="tab" aria-selected=${view === open.view} data-view=${view} @click=${() => showView(screen, view)}>
        ${TITLES[view]}
      </button>`,
  )
}

/** Show a view; what stood there stays until the server has answered. @param {Screen} screen @param {View} view */
export async function showView(screen, view) {
  const { open } = screen
  if (!open || open.isPair || screen.past) return
  open.view = view
  if (view === "edit") open.shown = null
  screen.draw()
  if (view === "edit") return
  const show = (/** @type {Drawing | null} */ drawing) => {
    if (open.view !== view) return
    open.shown = { how: view, drawing }
    screen.draw()
  }
  const slow = setTimeout(() => show(null), SLOW_MS)
  try {
    show(await screen.server.call("preview", { ...screen.body(), how: view }))
  } catch (error) {
    show({ problem: sentences(error) })
  } finally {
    clearTimeout(slow)
  }
}

/** @param {Screen} screen */
export function nextView(screen) {
  const all = views(screen)
  if (screen.open) return showView(screen, all[(all.indexOf(screen.open.view) + 1) % all.length])
}

/** The view that stands in place of the editor. @param {OpenRecord} open */
export function shownView({ shown }) {
  if (!shown) return nothing
  return shown.drawing
    ? drawn(shown.how, shown.drawing)
    : html`<div class="view" role="status">Loading this view…</div>`
}

/** What the server made of the response for one view. @param {View} view @param {Drawing} drawing */
export function drawn(view, drawing) {
  if (drawing.problem) return html`<div class="view problem" role="alert">${drawing.problem}</div>`
  if (view === "rendered")
    // made from Markdown by the server, which lets no HTML and no image of the text through
    return html`<div class="view rendered" dir="auto">${unsafeHTML(drawing.html ?? "")}</div>`
  if (view === "diff") return html`<div class="view text" dir="auto">${changes(drawing.pieces ?? [])}</div>`
  return tokens(drawing)
}

/** What came and what went. @param {NonNullable<Drawing["pieces"]>} pieces */
function changes(pieces) {
  return pieces.map(([kind, part]) =>
    kind === "same" ? part : kind === "added" ? html`<ins>${part}</ins>` : html`<del>${part}</del>`,
  )
}

/** The record as the trainer reads it. @param {Drawing} drawing */
function tokens({ pieces = [], tokens: count = 0, loss, most = 0, ends }) {
  const stop = ends
    ? "The response ends with an end token."
    : html`<b class="problem">The end token is missing: the model would not learn to stop.</b>`
  const long = html`<b class="problem"> Too long: training refuses this record; nothing is cut.</b>`
  const parts = pieces.map(
    ([carries, part]) => html`<span class=${carries ? "loss" : "masked"}>${part.replaceAll("\n", "⏎\n")}</span>`,
  )
  return html`
    <div class="view">
      <p class="facts">
        ${count} tokens, ${loss} carry loss (blue), at most ${most}. ${stop}${count > most ? long : nothing}
      </p>
      <div class="text tokens" dir="auto">${parts}</div>
    </div>`
}
