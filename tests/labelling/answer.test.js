/** What an answer says and what keeps it from being submitted: the table that the server's rules are held to, too. */

import assert from "node:assert/strict"
import { test } from "node:test"

import * as rules from "../../app/labelling/assets/answer.js"
import { read } from "./support.js"

const table = read("answers.json")
const sheet = read("sheet.json")

const own = table.questions.map((question) => ({ options: [], keeps_out: [], required: false, ...question }))
const task = (isPair, tool_calls = []) => ({
  ...sheet.task,
  messages: table.messages.map((message) => ({ ...message, tool_calls })),
  response: table.messages[1].content,
  alternative: isPair ? table.alternative : null,
  questions: [...sheet.task.questions, ...own],
})
const answerOf = (partial) => ({ ...rules.blank(""), ...partial })

for (const each of table.cases)
  test(`${each.name}: the screen says what the table says`, () => {
    const answer = answerOf(each.answer)
    const asked = task(each.pair, each.calls_a_tool ? [{ name: "look", arguments: "", id: null }] : [])
    const texts = rules.problems(answer, asked).map((problem) => problem.text)
    assert.deepEqual(texts, each.open)
    assert.deepEqual(rules.reasonsToKeepOut(answer, task(each.pair), { min_rating: table.min_rating }), each.kept_out)
  })

test("the screen takes answers for the same as the table does", () => {
  for (const [one, another] of table.same) assert.ok(rules.isSame(one, another), JSON.stringify([one, another]))
  for (const [one, another] of table.different) assert.ok(!rules.isSame(one, another), JSON.stringify([one, another]))
})

const [rating, checks] = sheet.task.questions

test("of several options a second press takes one out, of one it changes nothing", () => {
  const answer = rules.blank("Red.")
  assert.equal(rules.choose(answer, checks, "biased"), true)
  assert.deepEqual(rules.ticked(answer), ["biased"])
  assert.equal(rules.choose(answer, checks, "biased"), false)
  assert.deepEqual(rules.ticked(answer), [])
  rules.choose(answer, rating, "4")
  rules.choose(answer, rating, "4")
  assert.equal(answer.rating, 4)
})

test("a check that is taken out takes its detail along", () => {
  const answer = rules.blank("Red.")
  rules.choose(answer, checks, "biased")
  rules.detailOf(answer, "biased").reason = "why"
  rules.choose(answer, checks, "biased")
  assert.deepEqual(answer.details, [])
})

test("a suggestion is chosen beforehand, but never where harm is asked about", () => {
  const answer = rules.blank("Red.")
  const suggestions = [
    { question: "rating", value: 2 },
    { question: "checks", value: ["harmful"] },
    { question: "tone", value: "warm" },
    { question: "why", value: "text" },
  ]
  rules.preselect(answer, { ...task(false), suggestions })
  assert.equal(answer.rating, 2)
  assert.deepEqual(rules.ticked(answer), [])
  assert.deepEqual(answer.values, { tone: "warm" })
})
