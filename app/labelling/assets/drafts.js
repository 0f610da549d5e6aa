/**
 * What was typed and not submitted yet: in this browser at once, on the server soon after.
 *
 * Beside the text stands which draft of the server it is based on, and whether the server has acknowledged it; the
 * clocks of two machines are never compared. Text that was not acknowledged wins over what the server has; text that
 * was gives way to it. Where the two differ, the one that gave way is kept and offered.
 */

import { isSame } from "./answer.js"

/** @import { Answer, Body, Measured, Task, Typed } from "./types.d.ts" */
/** @import { Refused, Server } from "./server.js" */

/**
 * What this browser keeps of a record: a text, the server's draft that it is based on, and whether the server has it.
 *
 * @typedef {Typed & { base: string | null, acknowledged: boolean, other: Typed | null }} Kept
 */
/**
 * What a record begins with. Without an `answer` it begins as it came; the times are for people to read.
 *
 * @typedef {{ answer: Answer | null, at: number | null, other: Typed | null, unsaved: boolean }} Restored
 */
/** @typedef {"dirty" | "saving" | "saved" | "here" | "failed" | "refused"} Saving */

const SOON = 600

export class Drafts {
  /**
   * @param {Server} server
   * @param {string} person
   * @param {object} listeners
   * @param {(state: Saving, detail?: string | number | null) => void} listeners.onstate told `here` for a text that is
   *   in this browser only, and `failed` with the number of tries
   * @param {(token: string, measured: Measured) => void} listeners.onmeasured
   * @param {(token: string, error: Refused) => void} listeners.onrefused told an error that asking again does not mend
   */
  constructor(server, person, { onstate, onmeasured, onrefused }) {
    this.server = server
    this.person = person
    this.onstate = onstate
    this.onmeasured = onmeasured
    this.onrefused = onrefused
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined
    /** What waits to be sent. @type {Body | null} */
    this.last = null
    /** What is on its way. @type {Promise<Measured> | null} */
    this.running = null
    /** @type {{ record: string | null, base: string | null, other: Typed | null }} */
    this.open = { record: null, base: null, other: null }
  }

  /** @param {string} record */
  key(record) {
    return `curator draft ${this.person} ${record}`
  }

  /** @param {string} record @returns {Kept | null} */
  read(record) {
    try {
      return JSON.parse(localStorage.getItem(this.key(record)) ?? "null")
    } catch {
      return null
    }
  }

  /** @param {string} record @param {Kept} kept */
  write(record, kept) {
    try {
      localStorage.setItem(this.key(record), JSON.stringify(kept))
    } catch {
      // a full or forbidden storage leaves the server's draft, which follows at once
    }
  }

  /** Open a record. Returns what to begin it with. @param {Task} task @returns {Restored} */
  restore(task) {
    const kept = this.read(task.record_id)
    const saved = task.draft && { answer: task.draft, at: Date.parse(task.draft_saved_at ?? "") }
    const base = task.draft_saved_at ?? null
    /** @type {Restored} */
    const begin = { answer: saved?.answer ?? null, at: saved?.at ?? null, other: kept?.other ?? null, unsaved: false }
    if (kept && !(saved && isSame(kept.answer, saved.answer))) {
      const mine = { answer: kept.answer, at: kept.at }
      if (kept.acknowledged) begin.other = mine
      else {
        if (saved && (kept.base ?? null) !== base) begin.other = saved
        Object.assign(begin, mine, { unsaved: true })
      }
    }
    this.open = { record: task.record_id, base, other: begin.other }
    const { answer, at, other, unsaved } = begin
    if (kept && answer) this.write(task.record_id, { at, answer, base, acknowledged: !unsaved, other })
    return begin
  }

  /** The other text of the open record was chosen or is not wanted. @param {Typed | null} other */
  settle(other) {
    this.open.other = other
    const kept = this.open.record && this.read(this.open.record)
    if (kept && this.open.record) this.write(this.open.record, { ...kept, other })
  }

  /** Keep what changed; `here` keeps it in this browser alone, where the server would not take it. */
  note(/** @type {Body} */ body, { here = false } = {}) {
    const { base, other } = this.open
    this.write(body.record, { at: Date.now(), answer: body.answer, base, acknowledged: false, other })
    clearTimeout(this.timer)
    this.last = here ? null : body
    this.onstate(here ? "here" : "dirty")
    if (!here) this.timer = setTimeout(() => this.save(), SOON)
  }

  /** Bring it to the server; while one is on its way, the next one waits for it. */
  async save() {
    clearTimeout(this.timer)
    if (this.running || !this.last) return
    const body = this.last
    this.last = null
    const tell = (/** @type {Parameters<typeof this.onstate>} */ ...state) => {
      if (this.open.record === body.record) this.onstate(...state)
    }
    tell("saving")
    this.running = this.server.insist("draft", body, (tries) => tell("failed", tries))
    try {
      const measured = await this.running
      if (measured.kept) this.acknowledge(body, measured.saved_at)
      tell(measured.kept ? "saved" : "here", measured.saved_at)
      this.onmeasured(body.token, measured)
    } catch (error) {
      const refused = /** @type {Refused} */ (error)
      tell("refused", refused.problem)
      this.onrefused(body.token, refused)
    } finally {
      this.running = null
    }
    if (this.last) this.timer = setTimeout(() => this.save(), SOON)
  }

  /**
   * The server has this text; what was typed since then it has not.
   *
   * @param {Body} body
   * @param {string | null} saved_at
   */
  acknowledge(body, saved_at) {
    if (this.open.record === body.record) this.open.base = saved_at
    const kept = this.read(body.record)
    if (kept) this.write(body.record, { ...kept, base: saved_at, acknowledged: isSame(kept.answer, body.answer) })
  }

  /** Forget the draft: the answer is in the database. @param {string} record */
  drop(record) {
    this.discard(record)
    this.open = { record: null, base: null, other: null }
  }

  /** Forget what was typed on the open record, and its other text. @param {string} record */
  discard(record) {
    clearTimeout(this.timer)
    this.last = null
    this.open.other = null
    localStorage.removeItem(this.key(record))
  }

  /** Send what waits, while the page goes away. */
  farewell() {
    clearTimeout(this.timer)
    if (this.last) this.server.farewell("draft", this.last)
    this.last = null
  }
}
