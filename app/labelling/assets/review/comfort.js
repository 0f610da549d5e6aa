/** Which categories a reviewer leaves out, and how much they were shown: nothing of it is counted against them. */

import { html } from "../vendor/lit-html/lit-html.js"

/** @import { Pane } from "./pane.js" */

/** @param {Pane} pane */
export function comfort(pane) {
  const { sheet } = pane
  if (!sheet) return html``
  const left = new Set(sheet.opt_outs)
  const choices = { harm: "Everything that probes for harm", ...sheet.hazards }
  const toggle = (/** @type {string} */ hazard) => {
    if (!left.delete(hazard)) left.add(hazard)
    pane.load("comfort", { opt_outs: [...left] })
  }
  return html`
    <section class="banner comfort" aria-label="What you read">
      <p>Leave out what you do not want to read. It goes to others, and nothing of it is counted against you. Texts you
        uncovered: ${sheet.exposure.today} today, ${sheet.exposure.ever} in all; only you see this.</p>
      <div class="options">
        ${Object.entries(choices).map(
          ([hazard, meaning]) => html`<button
            class="small" aria-pressed=${left.has(hazard)} ?disabled=${pane.isBusy} @click=${() => toggle(hazard)}
          >${meaning}</button>`,
        )}
      </div>
    </section>`
}
