/** The JSON that the server sends (app/labelling/view.py) and takes (schemas/annotation.py). */

export type Role = "system" | "developer" | "user" | "assistant" | "tool"

/** A call of a tool that a response makes; the arguments are JSON text. */
export interface ToolCall {
  name: string
  arguments: string
  id: string | null
}

export interface Message {
  role: Role
  content: string
  train: boolean | null
  tool_calls: ToolCall[]
  tool_call_id: string | null
  name: string | null
}

export interface Option {
  value: string
  label: string
  key: string | null
}

export interface Question {
  id: string
  kind: "rating" | "choice" | "choices" | "text"
  title: string
  required: boolean
  options: Option[]
  guide: string
  safety: boolean
  keeps_out: string[]
  if_edited: boolean
}

/** What a ticked check is about; a passage is counted in Unicode code points of the response. */
export interface Detail {
  check: string
  severity: number | null
  start: number | null
  end: number | null
  reason: string
}

export type Side = "response" | "alternative"

export interface Preference {
  choice: Side | "tie" | "both bad"
  strength: number | null
  shown_left: Side
}

export type Value = string | number | string[]

export interface Answer {
  response: string
  rating: number | null
  checks: Record<string, boolean>
  details: Detail[]
  edit_reasons: string[]
  note: string
  values: Record<string, Value>
  trains: boolean[] | null
  reject: string | null
  preference: Preference | null
}

export interface Suggestion {
  question: string
  value: Value
  source: string
  score: number | null
}

export interface Ruling {
  question: string
  ruling: string
  by: string
}

export interface Comment {
  author: string
  text: string
  at: string
}

/** What is read and judged: a claimed record, or an earlier answer with its record. */
export interface Conversation {
  messages: Message[]
  response: string
  alternative: string | null
}

/** A claimed record with everything that is shown beside it. */
export interface Task extends Conversation {
  token: string
  slot_id: number
  record_id: string
  expires_at: string
  lease_seconds: number
  /** Definitions of the tools that may be called, as JSON text. */
  tools: string[]
  shown_left: Side
  source: string
  language: string | null
  labels: Record<string, string>
  words: number
  draft: Answer | null
  draft_saved_at: string | null
  questions: Question[]
  questions_hash: string
  guideline: string
  guideline_hash: string
  suggestions: Suggestion[]
  suggestions_hidden: boolean
  sent_back: string | null
  rulings: Ruling[]
  comments: Comment[]
}

export interface Project {
  id: number
  name: string
  min_rating: number
  has_tokens: boolean
}

export interface Progress {
  today: number
  mine: number
  waiting: number
  settled: number
  records: number
  hours_left: [number, number] | null
}

export interface Empty {
  cause: string
  action: "import" | "history" | "reload" | "offer_skipped"
  label: string
  done?: boolean
}

/** Everything that the screen needs to draw itself anew. */
export interface Sheet {
  task: Task | null
  empty: Empty | null
  project: Project
  progress: Progress
  keys: Record<string, string>
  reject_reasons: string[]
  /** What was done to get here, after an act. */
  done?: string
}

/** An earlier answer of this annotator, for browsing. */
export interface Entry extends Conversation {
  id: number
  submitted_at: string
  answer: Answer
  state: string
}

/** What a sign of life brings: whether the record is still held, and what is asked by now. */
export interface SignOfLife {
  mine: boolean
  lease_seconds: number
  now: { questions_hash: string; guideline_hash: string }
}

/** What the server knows about a draft. */
export interface Measured extends SignOfLife {
  kept: boolean
  answered: boolean
  saved_at: string | null
  words: number
  added: number
  removed: number
  warnings: string[]
}

export interface Claim {
  token: string
  slot: number
  record: string
  expires_at: string
  active_seconds: number
}

/** An answer on its way, with what its annotator had before them. */
export interface Body extends Claim {
  answer: Answer
  questions_hash: string
  guideline_hash: string
  saw_suggestions: boolean | null
}

export type View = "edit" | "rendered" | "diff" | "tokens"

/** What the server made of a response for one view. */
export interface Drawing {
  problem?: string
  html?: string
  pieces?: [string | boolean, string][]
  tokens?: number
  loss?: number
  most?: number
  ends?: boolean
}

/** The texts of a record that are read, as HTML made from their Markdown by the server. */
export interface Texts {
  messages: string[]
  response: string
  alternative: string | null
}

/** What a page starts the screen with. */
export interface Start {
  project: number
  person: string
  message: string | null
}

/** A text that was typed, and when, in milliseconds. */
export interface Typed {
  answer: Answer
  at: number | null
}
