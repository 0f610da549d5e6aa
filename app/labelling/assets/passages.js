/**
 * Passages of the response that a check speaks of. They are counted in code points and move with the text.
 *
 *     before   Fine but |rude| words.      an edit is what lies between the common beginning and the common end:
 *     after    Fine and honest but |rude| words.      at 5, 0 code points removed, 11 added
 */

/** @import { Detail } from "./types.d.ts" */

/** @typedef {{ start: number, end: number }} Passage */
/** @typedef {{ at: number, removed: number, added: number }} Edit */

/**
 * What was done between two texts, as one replacement.
 *
 * The caret stands at its end: without it, a letter typed before the same letter could be taken for one typed after it.
 *
 * @param {string} before
 * @param {string} after
 * @param {number} [caret] in `after`
 * @returns {Edit}
 */
export function editBetween(before, after, caret = 0) {
  const old = Array.from(before)
  const fresh = Array.from(after)
  const isSame = (/** @type {number} */ fromEnd) => old.at(-fromEnd - 1) === fresh.at(-fromEnd - 1)
  const shorter = Math.min(old.length, fresh.length)
  const most = Math.min(shorter, fresh.length - caret)
  let same = 0
  while (same < most && isSame(same)) same += 1
  let at = 0
  while (at < shorter - same && old[at] === fresh[at]) at += 1
  return { at, removed: old.length - same - at, added: fresh.length - same - at }
}

/** Where a passage is after an edit; null when nothing of it is left. @param {Passage} passage @param {Edit} edit */
export function moved({ start, end }, { at, removed, added }) {
  const shift = added - removed
  if (at >= end) return { start, end }
  if (at + removed <= start) return { start: start + shift, end: end + shift }
  if (at <= start && at + removed >= end) return null
  if (at + removed > end) return { start, end: at }
  return at < start ? { start: at + added, end: end + shift } : { start, end: end + shift }
}

/** Whether an edit changed the text of a passage. @param {Passage} passage @param {Edit} edit */
export function isTouched({ start, end }, { at, removed }) {
  return at < end && at + removed > start
}

/** The passage of a detail, if it has one. @param {Pick<Detail, "start" | "end">} detail @returns {Passage | null} */
export function passageOf({ start, end }) {
  return start === null || end === null ? null : { start, end }
}

/** The words of a passage. @param {string} text @param {Passage} passage */
export function quote(text, { start, end }) {
  return Array.from(text).slice(start, end).join("")
}

/** Passages in their order, overlapping ones as one. @param {Pick<Detail, "start" | "end">[]} details */
export function united(details) {
  const sorted = details.flatMap((detail) => passageOf(detail) ?? []).sort((a, b) => a.start - b.start)
  /** @type {Passage[]} */
  const apart = []
  for (const { start, end } of sorted) {
    const last = apart.at(-1)
    if (last && start <= last.end) last.end = Math.max(last.end, end)
    else apart.push({ start, end })
  }
  return apart
}
