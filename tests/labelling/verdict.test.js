/** A verdict while it is being given: what it says, what is missing, and what is sent of it. */

import assert from "node:assert/strict"
import { test } from "node:test"

import { nextSentence } from "../../app/labelling/assets/review/selection.js"
import { Verdict } from "../../app/labelling/assets/review/verdict.js"

test("nothing is chosen beforehand, and fine takes everything else back", () => {
  const verdict = new Verdict("A")
  assert.equal(verdict.missing, "judge A")
  for (const word of ["broken", "harmful", "harmful"]) verdict.say(word)
  assert.deepEqual(verdict.said, ["broken", "harmful"])
  assert.equal(verdict.missing, "say how grave A is")
  verdict.severity = 3
  verdict.toggleHazard("hz.hate")
  assert.equal(verdict.missing, "")
  verdict.say("fine")
  assert.deepEqual(verdict.said, ["fine"])
  assert.deepEqual([verdict.judgement.severity, verdict.judgement.hazards], [null, []])
})

test("a contradicted claim makes the output unfactual and needs its evidence", () => {
  const verdict = new Verdict("B")
  verdict.say("fine")
  verdict.claims = [
    { text: "One.", verdict: null, evidence: "" },
    { text: "Two.", verdict: null, evidence: "" },
  ]
  verdict.judgeClaim(verdict.claims[0], "contradicted")
  assert.deepEqual(verdict.said, ["unfactual"])
  assert.equal(verdict.missing, "quote what contradicts B")
  verdict.say("fine")
  assert.deepEqual(verdict.said, ["unfactual"])
  verdict.claims[0].evidence = "Not one."
  assert.equal(verdict.missing, "")
  assert.deepEqual(verdict.judgement.claims, [{ text: "One.", verdict: "contradicted", evidence: "Not one." }])
})

test("what goes back to the data needs another prompt and a reason, and is sent once", () => {
  const verdict = new Verdict("A")
  verdict.say("unfactual")
  verdict.note = "Wrong date."
  assert.deepEqual(verdict.sentBack, [])
  Object.assign(verdict.feedback, { asPair: true, taught: ["7"] })
  assert.equal(verdict.missing, "write a variant of the prompt for A")
  verdict.feedback.instruction = "Another?"
  assert.equal(verdict.missing, "say what is wrong with the record of A")
  verdict.feedback.taughtReason = "It says so."
  assert.deepEqual(verdict.sentBack, [
    { side: "A", kind: "preference", corrected: null, instruction: "Another?", reason: "Wrong date." },
    { side: "A", kind: "taught", record: "7", reason: "It says so." },
  ])
  for (const each of verdict.sentBack) verdict.forget(each)
  assert.deepEqual(verdict.sentBack, [])
})

test("passages are counted in code points, sentence by sentence", () => {
  const text = "😀 One. Two!  Three?"
  const first = nextSentence(text, 0)
  assert.deepEqual(first, { start: 0, end: 6 })
  assert.deepEqual(nextSentence(text, first.end), { start: 7, end: 11 })
  assert.equal(nextSentence(text, 20), null)
})
