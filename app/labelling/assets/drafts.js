/** What was typed and not submitted yet: in this browser at once, on the server soon after. */

const SOON = 600

export class Drafts {
  /** `onstate` is told `dirty`, `saving`, `saved`, or `failed` with the number of tries. */
  constructor(server, person, { onstate, onmeasured }) {
    Object.assign(this, { server, person, onstate, onmeasured, timer: null, last: null, running: null })
  }

  key(record) {
    return `curator draft ${this.person} ${record}`
  }

  /** The draft that this browser has, if it is newer than the server's. */
  restore(task) {
    let kept = null
    try {
      kept = JSON.parse(localStorage.getItem(this.key(task.record_id)))
    } catch {
      return null
    }
    if (!kept) return null
    const known = task.draft_saved_at ? Date.parse(task.draft_saved_at) : 0
    return kept.at > known ? kept : null
  }

  /** Something changed. */
  note(body) {
    this.last = body
    try {
      localStorage.setItem(this.key(body.record), JSON.stringify({ at: Date.now(), answer: body.answer }))
    } catch {
      // a full or forbidden storage leaves the server's draft, which follows at once
    }
    this.onstate("dirty")
    clearTimeout(this.timer)
    this.timer = setTimeout(() => this.save(), SOON)
  }

  /** Bring it to the server; while one is on its way, the next one waits for it. */
  async save() {
    clearTimeout(this.timer)
    if (this.running || !this.last) return
    const body = this.last
    this.last = null
    this.onstate("saving")
    this.running = this.server.insist("draft", body, (tries) => this.onstate("failed", tries))
    try {
      const answer = await this.running
      this.onstate("saved", answer.saved_at)
      this.onmeasured(body.token, answer)
    } catch (error) {
      this.onstate("refused", error.problem)
    } finally {
      this.running = null
    }
    if (this.last) this.timer = setTimeout(() => this.save(), SOON)
  }

  /** The answer is in the database: forget the draft. */
  drop(record) {
    clearTimeout(this.timer)
    this.last = null
    localStorage.removeItem(this.key(record))
  }

  /** The page goes away. */
  farewell() {
    clearTimeout(this.timer)
    if (this.last) this.server.farewell("draft", this.last)
    this.last = null
  }
}
