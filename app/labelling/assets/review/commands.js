/** What keys and buttons of the pane do. */

import { nextSentence, selectedIn } from "./selection.js"
import { RELATIONS, WORDS } from "./verdict.js"

/** @import { Neighbour, Relation, SideName } from "./types.d.ts" */
/** @import { Pane } from "./pane.js" */

/** Key of every action; a letter of a side speaks of that side, any other of the side that was touched last. */
export const ACTIONS = {
  ...{ "A severity 1": "q", "A severity 2": "w", "A severity 3": "e", "A severity 4": "t" },
  ...{ "B severity 1": "u", "B severity 2": "i", "B severity 3": "o", "B severity 4": "p" },
  ...{ "A show": "s", "B show": "l", "A clear": "x", "B clear": "m", "A turn": "a", "B turn": "b" },
  ...{ mark: "k", claims: "f", reason: "d", hazards: "h", answer: "g", prefer: "v", nearest: "n" },
  ...{ skip: ".", escalate: "!" },
  ...{ equivalent: "y", justified: "j", unjustified: "z", "cannot tell": "?" },
}
/** First digit of each side. @type {Record<SideName, number>} */
const FIRST = { A: 1, B: 6 }

/** The digit of a word on a side. @param {SideName} side @param {string} word */
export function digitOf(side, word) {
  return String((FIRST[side] + WORDS.indexOf(/** @type {typeof WORDS[number]} */ (word))) % 10)
}

/** @param {Pane} pane @param {number} digit */
export function pressDigit(pane, digit) {
  const place = (digit + 9) % 10 // 1 is the first, 0 the last
  const side = place < WORDS.length ? "A" : "B"
  if (pane.sides.includes(side)) say(pane, side, WORDS[place % WORDS.length])
}

/** @param {Pane} pane @param {SideName} side @param {string} word */
export function say(pane, side, word) {
  pane.side = side
  pane.verdict(side).say(word)
  pane.changed()
}

/** Say how the answers to two swapped prompts compare. @param {Pane} pane @param {Relation} relation */
export function compare(pane, relation) {
  if (!pane.open || pane.open.pair.b_prompt === null) return
  pane.open.relation = relation
  pane.changed()
}

/** Do what a key stands for. @param {Pane} pane @param {string} action */
export function act(pane, action) {
  const [first, command, level] = action.split(" ")
  if (first === "A" || first === "B") {
    if (!pane.sides.includes(first)) return
    pane.side = first
    if (command === "severity") setSeverity(pane, first, Number(level))
    else if (command === "show") uncover(pane, first)
    else if (command === "clear") pane.verdict(first).clear()
    pane.changed()
    return
  }
  /** @type {Record<string, () => unknown>} */
  const others = {
    mark: () => mark(pane, pane.side),
    claims: () => checkClaims(pane, pane.side),
    reason: () => focus(pane, ".reason"),
    hazards: () => {
      pane.root.querySelector(`[data-side=${pane.side}] .hazards`)?.setAttribute("open", "")
      focus(pane, ".hazards button")
    },
    answer: () => writeAnswer(pane, pane.side),
    prefer: () => asPair(pane, pane.side),
    nearest: () => findNearest(pane, pane.side),
    skip: () => putAside(pane, false),
    escalate: () => putAside(pane, true),
  }
  const relation = RELATIONS.find((each) => each === action)
  if (relation) compare(pane, relation)
  else others[first]?.()
}

/** @param {Pane} pane @param {SideName} side @param {number} severity */
export function setSeverity(pane, side, severity) {
  const verdict = pane.verdict(side)
  if (!verdict.said.includes("harmful")) verdict.say("harmful")
  verdict.severity = severity
  pane.side = side
  pane.changed()
}

/** Ask for a covered text, which is counted. @param {Pane} pane @param {SideName} side */
export async function uncover(pane, side) {
  const { open, sheet } = pane
  if (!open || !sheet || open.texts[side] !== null) return
  try {
    const { text, turns, exposure } = await pane.server.call("uncover", { pair: open.pair.id, side })
    open.texts[side] = text
    open.turns[side] = turns
    sheet.exposure = exposure
    pane.draw()
  } catch (error) {
    pane.complain(error)
  }
}

/** Mark what is selected in a text, or its next sentence. @param {Pane} pane @param {SideName} side */
export function mark(pane, side) {
  const text = pane.open?.texts[side]
  const element = pane.root.querySelector(`[data-side=${side}] .said`)
  if (!text || !element) return
  const verdict = pane.verdict(side)
  const passage = selectedIn(element) ?? nextSentence(text, Math.max(0, ...verdict.spans.map(({ end }) => end)))
  if (!passage) return pane.say("There is no sentence behind the last mark.", true)
  verdict.mark(passage)
  getSelection()?.removeAllRanges()
  pane.changed()
}

/** Split a text into statements, each to be checked. @param {Pane} pane @param {SideName} side */
export async function checkClaims(pane, side) {
  const text = pane.open?.texts[side]
  const verdict = pane.verdict(side)
  if (!text || verdict.claims) return
  try {
    const { claims } = await pane.server.call("claims", { text })
    verdict.claims = claims.map((/** @type {string} */ each) => ({ text: each, verdict: null, evidence: "" }))
    pane.changed()
    focus(pane, ".claims button")
  } catch (error) {
    pane.complain(error)
  }
}

/** Open the box for the right response. @param {Pane} pane @param {SideName} side */
export function writeAnswer(pane, side) {
  pane.verdict(side).feedback.corrected ??= ""
  pane.side = side
  pane.changed()
  focus(pane, ".instruction")
}

/** Make a preference pair of this output, as the worse one; again, and it is none. */
export function asPair(/** @type {Pane} */ pane, /** @type {SideName} */ side) {
  const { feedback } = pane.verdict(side)
  feedback.asPair = !feedback.asPair
  pane.side = side
  pane.changed()
  if (feedback.asPair) focus(pane, ".instruction")
}

/** Show the training records that are most like an output. @param {Pane} pane @param {SideName} side */
export async function findNearest(pane, side) {
  const { open } = pane
  if (!open || open.neighbours[side]) return
  pane.say("Looking through the training records…")
  try {
    /** @type {{ rows: Neighbour[] }} */
    const { rows } = await pane.server.call("nearest", { pair: open.pair.id, side })
    open.neighbours[side] = rows
    pane.say(rows.length === 0 ? "No training record is like it." : "", rows.length === 0)
    focus(pane, ".nearest button")
  } catch (error) {
    pane.complain(error)
  }
}

/** Leave the pair to others, or pass it on to be read first. @param {Pane} pane @param {boolean} escalate */
export function putAside(pane, escalate) {
  const { open } = pane
  if (!open) return
  pane.kept.drop()
  return pane.load("aside", { pair: open.pair.id, escalate })
}

/** Put the focus into a part of the side that was touched last. @param {Pane} pane @param {string} part */
function focus(pane, part) {
  const element = pane.root.querySelector(`[data-side=${pane.side}] ${part}`)
  if (element instanceof HTMLElement) element.focus()
}
