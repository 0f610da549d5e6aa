/** Remarks on a record: comments for everybody, questions to the lead. Each is sent until it is stored, and stored once. */

import { clock, h, keepingFocus } from "./dom.js"

export class Remarks {
  /** `onwait` is told how often a remark was sent in vain; `onrefused` an error and the text that was not stored. */
  constructor(server, { onwait, onrefused }) {
    Object.assign(this, {
      server,
      onwait,
      onrefused,
      typed: new Map(),
      pending: new Map(),
      sending: new Set(),
      opened: null,
      shown: null,
    })
  }

  /** The key makes a remark that arrives twice count once; it stays with the record that it was written on. */
  async send(route, record, text, onwait = this.onwait) {
    const key = Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) =>
      part.toString(16).padStart(8, "0"),
    ).join("")
    const body = { record, text, key }
    this.pending.set(key, [route, body])
    try {
      return await this.server.insist(route, body, onwait)
    } finally {
      this.pending.delete(key)
    }
  }

  /** The comments on a record, and a field for another one that keeps what is half typed. */
  draw(task) {
    this.shown = task
    const record = task.record_id
    const field = h("input", {
      type: "text",
      "data-field": "comment",
      dir: "auto",
      placeholder: "Write a comment, Enter sends it",
      "aria-label": "Comment",
      value: this.typed.get(record) ?? "",
      oninput: () => this.typed.set(record, field.value),
      onkeydown: (event) => {
        if (event.key === "Enter" && !event.ctrlKey && !event.isComposing) this.comment(task, field.value)
      },
    })
    const box = h(
      "details",
      {
        open: task.comments.length > 0 || this.typed.has(record) || this.opened === record,
        ontoggle: () => {
          this.opened = box.open ? record : null
        },
      },
      h("summary", {}, `Comments (${task.comments.length})`),
      h(
        "div",
        { class: "comments" },
        ...task.comments.map((each) =>
          h("p", {}, h("b", {}, each.author), ` ${clock(each.at)} `, h("span", { dir: "auto" }, each.text)),
        ),
        this.sending.has(record) ? h("p", { role: "status" }, "Sending…") : null,
        field,
      ),
    )
    this.box = box
    return box
  }

  async comment(task, text) {
    const record = task.record_id
    if (!text.trim() || this.sending.has(record)) return
    this.sending.add(record)
    this.redraw(task)
    try {
      task.comments = (await this.send("comment", record, text)).comments
      if (this.typed.get(record) === text) this.typed.delete(record)
    } catch (error) {
      this.onrefused(error, text)
    } finally {
      this.sending.delete(record)
      this.redraw(task)
    }
  }

  /** Nothing, if another record is shown by now. */
  redraw(task) {
    if (this.shown === task && this.box.isConnected)
      keepingFocus(this.box.parentElement, () => this.box.replaceWith(this.draw(task)))
  }

  /** The page goes away; the key lets a remark be sent once more. */
  farewell() {
    for (const [route, body] of this.pending.values()) this.server.farewell(route, body)
  }
}
