/** Seconds that somebody spent on a record with a sign of life; neither a reload nor an undo starts them anew. */

const MOST = 20 // records, as many as can be undone
const KEEP_EVERY = 5

export class ActiveTime {
  constructor(person) {
    Object.assign(this, { key: `curator seconds ${person}`, record: null, seconds: 0 })
  }

  /** Seconds by record, the one that was left last at the end. */
  read() {
    try {
      return JSON.parse(localStorage.getItem(this.key)) ?? []
    } catch {
      return []
    }
  }

  start(record) {
    if (this.record) this.keep()
    Object.assign(this, { record, seconds: this.read().find(([each]) => each === record)?.[1] ?? 0 })
  }

  beat() {
    this.seconds += 1
    if (this.seconds % KEEP_EVERY === 0) this.keep()
  }

  keep() {
    const others = this.read().filter(([each]) => each !== this.record)
    try {
      localStorage.setItem(this.key, JSON.stringify([...others, [this.record, this.seconds]].slice(-MOST)))
    } catch {
      // a full or forbidden storage costs seconds after a reload, nothing else
    }
  }
}
