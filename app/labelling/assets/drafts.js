/**
 * What was typed and not submitted yet: in this browser at once, on the server soon after.
 *
 * Beside the text stands which draft of the server it is based on, and whether the server has acknowledged it; the
 * clocks of two machines are never compared. Text that was not acknowledged wins over what the server has; text that was
 * gives way to it. Where the two differ, the one that gave way is kept and offered.
 */

const SOON = 600

/** Whether two answers say the same, however their JSON is written: the server writes out what was left open. */
export function isSame(one, another) {
  return canonical(one) === canonical(another)
}

function canonical({ response, rating, checks, details, edit_reasons, note, values, trains, reject, preference }) {
  const ticked = Object.keys(checks ?? {})
    .filter((name) => checks[name])
    .sort()
  const found = (details ?? []).map(({ check, severity, start, end, reason }) => [
    check,
    severity ?? null,
    start ?? null,
    end ?? null,
    reason ?? "",
  ])
  const own = Object.entries(values ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
  const better = preference && [preference.choice, preference.strength ?? null, preference.shown_left]
  return JSON.stringify([
    response,
    rating ?? null,
    ticked,
    found,
    edit_reasons ?? [],
    note ?? "",
    own,
    trains ?? null,
    reject ?? null,
    better ?? null,
  ])
}

export class Drafts {
  /**
   * `onstate` is told `dirty`, `saving`, `saved`, `here` (in this browser only), or `failed` with the number of tries;
   * `onrefused` an error that asking again does not mend.
   */
  constructor(server, person, { onstate, onmeasured, onrefused }) {
    Object.assign(this, {
      server,
      person,
      onstate,
      onmeasured,
      onrefused,
      timer: null,
      last: null,
      running: null,
      open: {},
    })
  }

  key(record) {
    return `curator draft ${this.person} ${record}`
  }

  read(record) {
    try {
      return JSON.parse(localStorage.getItem(this.key(record)))
    } catch {
      return null
    }
  }

  write(record, kept) {
    try {
      localStorage.setItem(this.key(record), JSON.stringify(kept))
    } catch {
      // a full or forbidden storage leaves the server's draft, which follows at once
    }
  }

  /**
   * What to begin a record with: `answer` (null: as it came) and the time `at` which it is from, `other` if there is
   * another text, and whether it is still `unsaved`. The times are for people to read.
   */
  restore(task) {
    const kept = this.read(task.record_id)
    const saved = task.draft && { answer: task.draft, at: Date.parse(task.draft_saved_at) }
    const base = task.draft_saved_at ?? null
    const found = { answer: saved?.answer ?? null, at: saved?.at ?? null, other: kept?.other ?? null, unsaved: false }
    if (kept && !(saved && isSame(kept.answer, saved.answer))) {
      const mine = { answer: kept.answer, at: kept.at }
      if (kept.acknowledged) found.other = mine
      else
        Object.assign(found, mine, {
          unsaved: true,
          other: saved && (kept.base ?? null) !== base ? saved : found.other,
        })
    }
    this.open = { record: task.record_id, base, other: found.other }
    if (kept && found.answer)
      this.write(task.record_id, {
        at: found.at,
        answer: found.answer,
        base,
        acknowledged: !found.unsaved,
        other: found.other,
      })
    return found
  }

  /** The other text of the open record was chosen or is not wanted. */
  settle(other) {
    this.open.other = other
    const kept = this.read(this.open.record)
    if (kept) this.write(this.open.record, { ...kept, other })
  }

  /** Something changed; `here` keeps it in this browser, where the server would not take it. */
  note(body, { here = false } = {}) {
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
    const tell = (...state) => {
      if (this.open.record === body.record) this.onstate(...state)
    }
    tell("saving")
    this.running = this.server.insist("draft", body, (tries) => tell("failed", tries))
    try {
      const answer = await this.running
      if (answer.kept) this.acknowledge(body, answer.saved_at)
      tell(answer.kept ? "saved" : "here", answer.saved_at)
      this.onmeasured(body.token, answer)
    } catch (error) {
      tell("refused", error.problem)
      this.onrefused(body.token, error)
    } finally {
      this.running = null
    }
    if (this.last) this.timer = setTimeout(() => this.save(), SOON)
  }

  /** The server has this text; what was typed since then it has not. */
  acknowledge(body, saved_at) {
    if (this.open.record === body.record) this.open.base = saved_at
    const kept = this.read(body.record)
    if (kept) this.write(body.record, { ...kept, base: saved_at, acknowledged: isSame(kept.answer, body.answer) })
  }

  /** The answer is in the database: forget the draft. */
  drop(record) {
    this.discard(record)
    this.open = {}
  }

  /** Begin anew on the open record: neither what was typed nor another text of it is wanted. */
  discard(record) {
    clearTimeout(this.timer)
    this.last = null
    this.open.other = null
    localStorage.removeItem(this.key(record))
  }

  /** The page goes away. */
  farewell() {
    clearTimeout(this.timer)
    if (this.last) this.server.farewell("draft", this.last)
    this.last = null
  }
}
