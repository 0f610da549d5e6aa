/** How texts are read: as written or rendered, and in which letters. This browser remembers it for a person. */

import { kbd } from "./pieces.js"
import { html, nothing } from "./vendor/lit-html/lit-html.js"
import { shortened } from "./words.js"

/** @import { Task } from "./types.d.ts" */
/** @import { Screen } from "./screen.js" */

const ID = 8

export class Reading {
  /** @param {string} person */
  constructor(person) {
    this.key = `curator reading ${person}`
    this.isRendered = false
    this.isMonospace = false
    try {
      Object.assign(this, JSON.parse(localStorage.getItem(this.key) ?? "{}"))
    } catch {
      // what cannot be read is not remembered
    }
  }

  /** @param {Partial<Pick<Reading, "isRendered" | "isMonospace">>} change */
  set(change) {
    Object.assign(this, change)
    const { isRendered, isMonospace } = this
    try {
      localStorage.setItem(this.key, JSON.stringify({ isRendered, isMonospace }))
    } catch {
      // a full or forbidden storage forgets it
    }
  }
}

/** Where the record came from, and how its texts are shown. @param {Screen} screen @param {Task} task */
export function recordFacts(screen, { source, language, labels, record_id }) {
  const { isRendered, isMonospace } = screen.reading
  const parts = [source, language, ...Object.entries(labels).map(([name, value]) => `${name}: ${value}`)]
  return html`
    <div class="facts row">
      <span class="metadata">
        ${parts.filter(Boolean).join(" · ")} · <span title=${`Record ${record_id}`}>${shortened(record_id, ID)}</span>
      </span>
      <span class="space"></span>
      <button
        class="small" title="Markdown of the instruction, earlier messages and compared responses"
        aria-pressed=${isRendered} @click=${() => switchTexts(screen)}
      >Rendered${screen.sheet ? kbd(screen.sheet.keys.texts) : nothing}</button>
      <button
        class="small" title="Letters of one width" aria-pressed=${isMonospace}
        @click=${() => switchLetters(screen)}
      >Monospace</button>
    </div>`
}

/** Show the texts rendered, or as they are written. @param {Screen} screen */
export function switchTexts(screen) {
  screen.reading.set({ isRendered: !screen.reading.isRendered })
  screen.draw()
  return bringTexts(screen)
}

/** @param {Screen} screen */
function switchLetters(screen) {
  screen.reading.set({ isMonospace: !screen.reading.isMonospace })
  screen.draw()
}

/** Ask the server for the rendered texts of the open record, unless they are there. @param {Screen} screen */
export async function bringTexts(screen) {
  const { open } = screen
  if (!open || open.texts || !screen.reading.isRendered) return
  try {
    open.texts = await screen.server.call("preview", { ...screen.body(), how: "texts" })
    screen.draw()
  } catch (error) {
    screen.complain(error)
  }
}
