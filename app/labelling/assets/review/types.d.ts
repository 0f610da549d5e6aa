/** The JSON that the server sends (app/reviewing/view.py) and takes (app/reviewing/routes.py). */

import type { Verdict } from "./verdict.js"

export type SideName = "A" | "B"
export type Relation = "equivalent" | "justified" | "unjustified" | "cannot tell"

export interface Span {
  start: number
  end: number
  defect: string | null
}

export interface ClaimDraft {
  text: string
  verdict: "supported" | "contradicted" | "unverifiable" | "not a claim" | null
  evidence: string
}

export interface Judgement {
  fine?: boolean
  broken?: boolean
  harmful?: boolean
  unfactual?: boolean
  biased?: boolean
  severity: number | null
  hazards: string[]
  spans: Span[]
  claims: ClaimDraft[]
  note: string
}

/** What a reviewer wants to send back; `corrected` is null until they begin to write it. */
export interface FeedbackDraft {
  corrected: string | null
  instruction: string
  asPair: boolean
  taught: string[]
  taughtReason: string
}

export interface Pair {
  id: string
  prompt: string
  /** Of two swapped prompts: the one that the output on the right answers. */
  b_prompt: string | null
  system: string | null
  category: string
  references: string[]
  /** null while it is covered, or where there is none. */
  a: string | null
  b: string | null
  a_turns: Turn[]
  b_turns: Turn[]
  single: boolean
}

/** One message of a conversation after its prompt. */
export interface Turn {
  role: string
  content: string
}

export interface Neighbour {
  row_id: string
  record_ids: string[]
  instruction: string
  response: string
  similarity: number
  shared: string
}

export interface Empty {
  cause: string
  action: "offer" | "reload" | "finished"
  label: string
}

export interface Sheet {
  pair: Pair | null
  opinions: [Judgement, Judgement | null][] | null
  relations: (Relation | null)[] | null
  empty: Empty | null
  progress: { planned: number; judged: number; mine: number }
  exposure: { today: number; ever: number }
  opt_outs: string[]
  hazards: Record<string, string>
}

export interface Start {
  system: string
  person: string
  finished: () => void
}

/** A pair that is open, with everything said about it so far. */
export interface OpenPair {
  pair: Pair
  texts: Record<SideName, string | null>
  turns: Record<SideName, Turn[]>
  verdicts: Partial<Record<SideName, Verdict>>
  neighbours: Partial<Record<SideName, Neighbour[]>>
  /** Of two swapped prompts: how the answers compare. */
  relation: Relation | null
  settles: string
}
