/** What a reviewer said about the pair that is open, kept in this browser until it is stored. */

/** @import { OpenPair, Relation } from "./types.d.ts" */
/** @import { Verdict } from "./verdict.js" */

/**
 * @typedef {{
 *   pair: string, A?: Partial<Verdict>, B?: Partial<Verdict>, relation: Relation | null, settles: string
 * }} KeptPair
 */

export class Kept {
  /** @param {string} who */
  constructor(who) {
    this.key = `curator verdict ${who}`
  }

  /** @param {string} pair @returns {KeptPair | null} */
  of(pair) {
    try {
      const kept = JSON.parse(localStorage.getItem(this.key) ?? "null")
      return kept?.pair === pair ? kept : null
    } catch {
      return null // what cannot be read is not restored
    }
  }

  /** @param {OpenPair} open */
  keep({ pair, verdicts, relation, settles }) {
    try {
      localStorage.setItem(this.key, JSON.stringify({ pair: pair.id, ...verdicts, relation, settles }))
    } catch {
      // a full or forbidden storage keeps nothing; the pair itself is still on screen
    }
  }

  drop() {
    try {
      localStorage.removeItem(this.key)
    } catch {
      // nothing was kept
    }
  }
}
