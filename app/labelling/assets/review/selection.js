/** Where in a text a reviewer points: the selection, or the next sentence for those who use keys alone. */

/** @typedef {{ start: number, end: number }} Passage in code points */

/**
 * The passage of an element's text that is selected; null when nothing in it is.
 *
 * @param {Element} element
 * @returns {Passage | null}
 */
export function selectedIn(element) {
  const selection = getSelection()
  if (!selection || selection.rangeCount === 0 || selection.isCollapsed) return null
  const range = selection.getRangeAt(0)
  if (!element.contains(range.startContainer) || !element.contains(range.endContainer)) return null
  const before = document.createRange()
  before.selectNodeContents(element)
  before.setEnd(range.startContainer, range.startOffset)
  const start = Array.from(before.toString()).length
  const end = start + Array.from(range.toString()).length
  return end > start ? { start, end } : null
}

/**
 * The first sentence that begins at or behind a place; null behind the last one.
 *
 * @param {string} text
 * @param {number} from in code points
 * @returns {Passage | null}
 */
export function nextSentence(text, from) {
  let start = 0
  for (const { segment } of new Intl.Segmenter(undefined, { granularity: "sentence" }).segment(text)) {
    const end = start + Array.from(segment).length
    const shown = segment.trimEnd()
    if (start >= from && shown.trim()) return { start, end: start + Array.from(shown).length }
    start = end
  }
  return null
}
