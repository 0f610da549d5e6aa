/** Seconds spent on a record with a sign of life; neither a reload nor an undo starts them anew. */

const MOST = 20 // records whose seconds this browser keeps
const KEEP_EVERY = 5

/** @typedef {[record: string, seconds: number]} Spent */

export class ActiveTime {
  /** @param {string} person */
  constructor(person) {
    this.key = `curator seconds ${person}`
    /** @type {string | null} */
    this.record = null
    this.seconds = 0
  }

  /** Seconds by record, the one that was left last at the end. @returns {Spent[]} */
  read() {
    try {
      return JSON.parse(localStorage.getItem(this.key) ?? "[]")
    } catch {
      return []
    }
  }

  /** @param {string} record */
  start(record) {
    if (this.record) this.keep()
    this.record = record
    this.seconds = this.read().find(([each]) => each === record)?.[1] ?? 0
  }

  beat() {
    this.seconds += 1
    if (this.seconds % KEEP_EVERY === 0) this.keep()
  }

  keep() {
    if (this.record === null) return
    const others = this.read().filter(([each]) => each !== this.record)
    try {
      localStorage.setItem(this.key, JSON.stringify([...others, [this.record, this.seconds]].slice(-MOST)))
    } catch {
      // a full or forbidden storage costs seconds after a reload, nothing else
    }
  }
}
