/** Remarks on a record: comments for all, questions to the lead. Each is sent until it is stored, and stored once. */

import { live } from "./vendor/lit-html/directives/live.js"
import { html, nothing } from "./vendor/lit-html/lit-html.js"
import { clock } from "./words.js"

/** @import { Comment, Task } from "./types.d.ts" */
/** @import { Server } from "./server.js" */

/** Sixteen random bytes, also where the page came over plain HTTP and the browser offers no random UUID. */
function randomKey() {
  const parts = crypto.getRandomValues(new Uint32Array(4))
  return Array.from(parts, (part) => part.toString(16).padStart(8, "0")).join("")
}

export class Remarks {
  /**
   * @param {Server} server
   * @param {object} listeners
   * @param {(tries: number) => void} listeners.onwait told how often a remark was sent in vain
   * @param {(error: unknown, text: string) => void} listeners.onrefused told an error and the text that was not stored
   * @param {() => void} listeners.onchange told that there is something else to draw
   */
  constructor(server, { onwait, onrefused, onchange }) {
    this.server = server
    this.onwait = onwait
    this.onrefused = onrefused
    this.onchange = onchange
    /** Half-typed comments by record. @type {Map<string, string>} */
    this.typed = new Map()
    /** What is on its way, by key. @type {Map<string, { route: string, body: object }>} */
    this.pending = new Map()
    /** Records whose comment is on its way. @type {Set<string>} */
    this.sending = new Set()
    /** The record whose comments were opened by hand. @type {string | null} */
    this.opened = null
  }

  /** Send a remark; its key makes one that arrives twice count once, and it stays with the record it was written on. */
  async send(
    /** @type {"comment" | "doubt"} */ route,
    /** @type {string} */ record,
    /** @type {string} */ text,
    onwait = this.onwait,
  ) {
    const key = randomKey()
    const body = { record, text, key }
    this.pending.set(key, { route, body })
    try {
      return await this.server.insist(route, body, onwait)
    } finally {
      this.pending.delete(key)
    }
  }

  /** The comments on a record, and a field for another one that keeps what is half typed. */
  draw(/** @type {Task} */ task, /** @type {boolean} */ isHeld) {
    const record = task.record_id
    const oninput = (/** @type {Event} */ { target }) =>
      this.typed.set(record, /** @type {HTMLInputElement} */ (target).value)
    const onkeydown = (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== "Enter" || event.ctrlKey || event.isComposing) return
      this.comment(task, /** @type {HTMLInputElement} */ (event.target).value)
    }
    const ontoggle = (/** @type {Event} */ { target }) => {
      this.opened = /** @type {HTMLDetailsElement} */ (target).open ? record : null
    }
    const isOpen = task.comments.length > 0 || this.typed.has(record) || this.opened === record
    const remark = (/** @type {Comment} */ { author, at, text }) => html`
      <p><b>${author}</b> ${clock(at)} <span dir="auto">${text}</span></p>`
    return html`
      <details ?open=${isOpen} @toggle=${ontoggle}>
        <summary>Comments (${task.comments.length})</summary>
        <div class="comments">
          ${task.comments.map(remark)}
          ${this.sending.has(record) ? html`<p role="status">Sending…</p>` : nothing}
          <input
            type="text" dir="auto" data-field="comment" aria-label="Comment"
            placeholder="Write a comment, Enter sends it" ?readonly=${isHeld}
            .value=${live(this.typed.get(record) ?? "")} @input=${oninput} @keydown=${onkeydown}
          />
        </div>
      </details>`
  }

  /** @param {Task} task @param {string} text */
  async comment(task, text) {
    const record = task.record_id
    if (!text.trim() || this.sending.has(record)) return
    this.sending.add(record)
    this.onchange()
    try {
      task.comments = (await this.send("comment", record, text)).comments
      if (this.typed.get(record) === text) this.typed.delete(record)
    } catch (error) {
      this.onrefused(error, text)
    } finally {
      this.sending.delete(record)
      this.onchange()
    }
  }

  /** Send once more what is on its way, while the page goes away; the keys make each count once. */
  farewell() {
    for (const { route, body } of this.pending.values()) this.server.farewell(route, body)
  }
}
