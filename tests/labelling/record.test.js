/** The record that is open: what it begins with, what an edit or a choice makes of it, and what is sent. */

import assert from "node:assert/strict"
import { test } from "node:test"

import { blank } from "../../app/labelling/assets/answer.js"
import { OpenRecord } from "../../app/labelling/assets/record.js"
import { AS_IT_CAME, read } from "./support.js"

const { task } = read("sheet.json")
const pair = { ...task, alternative: "Another answer.", shown_left: "alternative" }
const opened = (of = task, restored = AS_IT_CAME) => new OpenRecord(of, restored, 0)

test("a record begins as it came, and nothing of it was restored", () => {
  const open = opened()
  assert.deepEqual(open.answer, blank(task.response))
  assert.equal(open.restoredAt, null)
  assert.ok(!open.hasText)
})

test("what was typed before is brought back with its time", () => {
  const open = opened(task, { ...AS_IT_CAME, answer: { ...blank("Typed."), rating: 2 }, at: 5 })
  assert.equal(open.answer.response, "Typed.")
  assert.equal(open.restoredAt, 5)
  assert.ok(open.hasText)
})

test("the left response is the one that was shown left", () => {
  const open = opened(pair)
  open.prefer("left")
  assert.deepEqual(open.answer.preference, { choice: "alternative", strength: null, shown_left: "alternative" })
  assert.ok(open.weighs)
  open.strengthen(3)
  assert.equal(open.answer.preference.strength, 3)
  open.prefer("tie")
  assert.equal(open.answer.preference.strength, null)
  assert.ok(!open.weighs)
})

test("reasons of an edit are sent with an edited text only", () => {
  const open = opened()
  open.answer.edit_reasons = ["fact"]
  assert.deepEqual(open.body(1).answer.edit_reasons, [])
  open.edit("Another text.")
  assert.deepEqual(open.body(1).answer.edit_reasons, ["fact"])
  assert.deepEqual(open.answer.edit_reasons, ["fact"])
})

test("what is sent says whether suggestions were seen", () => {
  assert.equal(opened().body(0).saw_suggestions, null)
  assert.equal(opened({ ...task, suggestions_hidden: true }).body(0).saw_suggestions, false)
  const suggestions = [{ question: "rating", value: 4, source: "model", score: null }]
  assert.equal(opened({ ...task, suggestions }).body(0).saw_suggestions, true)
})

test("what is asked otherwise by now is named, and the lease runs on only for whoever holds it", () => {
  const open = opened()
  const now = { questions_hash: "other", guideline_hash: task.guideline_hash }
  open.hear({ mine: false, lease_seconds: 60, now }, 1_000)
  assert.equal(open.outdated, "questions")
  assert.equal(open.expires, task.lease_seconds * 1000)
  open.hear({ mine: true, lease_seconds: 60, now }, 1_000)
  assert.equal(open.expires, 61_000)
})

test("the other text and the one that is shown change places", () => {
  const open = opened(task, { ...AS_IT_CAME, other: { answer: blank("Other."), at: 1 } })
  open.edit("Mine.")
  open.swap(9)
  assert.equal(open.answer.response, "Other.")
  assert.equal(open.other.answer.response, "Mine.")
  assert.equal(open.other.at, 9)
})
