/** The verdict on one output while it is being given: nothing is chosen beforehand, and what is missing has words. */

/** @import { ClaimDraft, FeedbackDraft, Judgement, Relation, SideName, Span } from "./types.d.ts" */

/** @typedef {"broken" | "unfactual" | "biased" | "harmful"} Defect */

/** In the order of their keys. @type {readonly ["fine", "broken", "unfactual", "biased", "harmful"]} */
export const WORDS = ["fine", "broken", "unfactual", "biased", "harmful"]
/** How the answers to two swapped prompts compare. @type {readonly Relation[]} */
export const RELATIONS = ["equivalent", "justified", "unjustified", "cannot tell"]
export const SEVERITIES = ["low", "moderate", "high", "critical"]
/** @type {ClaimDraft["verdict"][]} */
export const CLAIM_VERDICTS = ["supported", "contradicted", "unverifiable", "not a claim"]

/** Nothing to send back yet. @returns {FeedbackDraft} */
function nothingToSend() {
  return { corrected: null, instruction: "", asPair: false, taught: [], taughtReason: "" }
}

/** What a reviewer has said about one side so far. */
export class Verdict {
  /** @param {SideName} side @param {Partial<Verdict>} [kept] what this browser kept of it */
  constructor(side, kept = {}) {
    this.side = side
    /** @type {string[]} */
    this.said = []
    /** @type {number | null} */
    this.severity = null
    /** @type {string[]} */
    this.hazards = []
    /** @type {Span[]} */
    this.spans = []
    /** The statements that are being checked; null until they are asked for. @type {ClaimDraft[] | null} */
    this.claims = null
    this.note = ""
    this.feedback = nothingToSend()
    Object.assign(this, kept)
    this.side = side
  }

  /** Say a word; `fine` takes all others back, any other takes `fine` back, and none takes itself back. */
  say(/** @type {string} */ word) {
    if (word === "fine") this.said = this.contradicted ? this.said : ["fine"]
    else this.said = [...this.said.filter((each) => each !== "fine" && each !== word), word]
    if (!this.said.includes("harmful")) Object.assign(this, { severity: null, hazards: [] })
  }

  clear() {
    Object.assign(this, new Verdict(this.side), { feedback: this.feedback })
  }

  /** @param {string} hazard */
  toggleHazard(hazard) {
    const { hazards } = this
    this.hazards = hazards.includes(hazard) ? hazards.filter((each) => each !== hazard) : [...hazards, hazard]
  }

  /** Mark a passage as showing what was said last. @param {{ start: number, end: number }} passage */
  mark({ start, end }) {
    const defect = /** @type {Defect | undefined} */ (this.said.findLast((word) => word !== "fine")) ?? null
    this.spans = [...this.spans, { start, end, defect }]
  }

  /** @param {ClaimDraft} claim @param {ClaimDraft["verdict"]} verdict */
  judgeClaim(claim, verdict) {
    claim.verdict = verdict
    if (this.contradicted && !this.said.includes("unfactual")) this.say("unfactual")
  }

  /** A statement is contradicted, which makes the output unfactual. */
  get contradicted() {
    return (this.claims ?? []).some((claim) => claim.verdict === "contradicted")
  }

  /** What is missing before it can be stored, in words; empty when nothing is. */
  get missing() {
    if (this.said.length === 0) return `judge ${this.side}`
    if (this.said.includes("harmful") && this.severity === null) return `say how grave ${this.side} is`
    const bare = (this.claims ?? []).some((claim) => claim.verdict === "contradicted" && !claim.evidence.trim())
    if (bare) return `quote what contradicts ${this.side}`
    const { corrected, instruction, asPair, taught, taughtReason } = this.feedback
    if ((corrected?.trim() || asPair) && !instruction.trim()) return `write a variant of the prompt for ${this.side}`
    if (taught.length > 0 && !taughtReason.trim()) return `say what is wrong with the record of ${this.side}`
    return ""
  }

  /** As the server takes it. @returns {Judgement} */
  get judgement() {
    const said = this.said.length > 0 ? this.said : ["fine"] // of two swapped prompts, which are compared
    const words = Object.fromEntries(said.map((word) => [word, true]))
    const claims = (this.claims ?? []).filter((claim) => claim.verdict !== null)
    return /** @type {Judgement} */ ({
      ...words,
      severity: this.severity,
      hazards: this.hazards,
      spans: this.spans,
      claims: claims.map(({ text, verdict, evidence }) => ({ text, verdict, evidence })),
      note: this.note,
    })
  }

  /** What goes back to the data, as the server takes it. */
  get sentBack() {
    const { corrected, instruction, asPair, taught, taughtReason } = this.feedback
    const { side, note: reason } = this
    const better = corrected?.trim() ? corrected : null
    const record = better === null && !asPair ? [] : [asPair ? "preference" : "corrected"]
    return [
      ...record.map((kind) => ({ side, kind, corrected: better, instruction, reason })),
      ...taught.map((each) => ({ side, kind: "taught", record: each, reason: taughtReason })),
    ]
  }

  /** Take out what the server stored, so that it is not sent again. @param {{ kind: string, record?: string }} done */
  forget({ kind, record }) {
    const { feedback } = this
    if (kind === "taught") feedback.taught = feedback.taught.filter((each) => each !== record)
    else Object.assign(feedback, { corrected: null, asPair: false, instruction: "" })
  }
}
