/** Passages move with the text that they stand in, and say when it changed. */

import assert from "node:assert/strict"
import { test } from "node:test"

import { blank, detailOf } from "../../app/labelling/assets/answer.js"
import { editBetween, moved, quote } from "../../app/labelling/assets/passages.js"
import { OpenRecord } from "../../app/labelling/assets/record.js"
import { AS_IT_CAME, read } from "./support.js"

const BEFORE = "Fine 😀 but rude words."
const RUDE = { start: 11, end: 15 }

const CASES = [
  ["a word before it", "Fine 😀 and kind but rude words.", "rude", false],
  ["a face before it taken out", "Fine but rude words.", "rude", false],
  ["a word right before it", "Fine 😀 but very rude words.", "rude", false],
  ["a word after it", "Fine 😀 but rude, rude words.", "rude", false],
  ["letters inside it", "Fine 😀 but rushed words.", "rushed", true],
  ["its end, with what follows", "Fine 😀 but ru.", "ru", true],
  ["its beginning, with what comes before", "Fine 😀de words.", "de", true],
  ["all of it", "Fine 😀 but words.", null, true],
]

for (const [name, after, left, isChanged] of CASES)
  test(`a passage after an edit of ${name}`, () => {
    assert.equal(quote(BEFORE, RUDE), "rude")
    const now = moved(RUDE, editBetween(BEFORE, after))
    assert.equal(now && quote(after, now), left)
    const open = new OpenRecord({ ...read("sheet.json").task, response: BEFORE }, AS_IT_CAME, 0)
    const detail = Object.assign(detailOf(open.answer, "harmful"), RUDE)
    open.edit(after)
    assert.equal(open.hasChangedUnder(detail), isChanged)
    assert.equal(detail.start === null, left === null)
  })

test("a letter typed right before a passage that begins with the same one is not part of it", () => {
  const edit = editBetween("a rude word", "a rrude word", 3)
  assert.deepEqual(edit, { at: 2, removed: 0, added: 1 })
  assert.deepEqual(moved({ start: 2, end: 6 }, edit), { start: 3, end: 7 })
  assert.deepEqual(editBetween("a rrude", "a rude", 2), { at: 2, removed: 1, added: 0 })
})

test("a check has several passages, and each moves by itself", () => {
  const open = new OpenRecord({ ...read("sheet.json").task, response: "one two three" }, AS_IT_CAME, 0)
  open.answer = { ...blank("one two three"), checks: { harmful: true } }
  open.mark("harmful", { start: 0, end: 3 })
  open.mark("harmful", { start: 8, end: 13 })
  detailOf(open.answer, "harmful").reason = "why"
  open.edit("one and two three")
  const words = open.answer.details.map((each) => quote(open.answer.response, each))
  assert.deepEqual(words, ["one", "three"])
  open.unmark(open.answer.details[0])
  open.unmark(open.answer.details[1])
  assert.deepEqual(open.answer.details, [{ check: "harmful", severity: null, start: null, end: null, reason: "why" }])
})
