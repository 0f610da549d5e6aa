/** The whole screen on a page without a browser: what is drawn, what a key does, and what is sent. */

import assert from "node:assert/strict"
import { afterEach, beforeEach, test } from "node:test"

import { openPage, read, serve, settled, storage } from "./support.js"

const window = openPage()
const { mount } = await import("../../app/labelling/assets/screen.js")
const { ACTIONS } = await import("../../app/labelling/assets/keysheet.js")

const sheet = () => read("sheet.json")
const next = () => ({ ...sheet(), task: { ...sheet().task, record_id: "r2", token: "t2" }, done: "submit" })
const root = () => document.querySelector(".labelling")
const shown = (selector) => root().querySelector(selector)
const press = (key, more = {}) =>
  document.body.dispatchEvent(new window.KeyboardEvent("keydown", { key, bubbles: true, composed: true, ...more }))

const DRAFTED = {
  ...{ mine: true, kept: true, answered: false, saved_at: "2026-01-01T10:00:00Z", lease_seconds: 60 },
  ...{ words: 2, added: 0, removed: 0, warnings: [] },
  now: { questions_hash: sheet().task.questions_hash, guideline_hash: sheet().task.guideline_hash },
}

let screen
const start = async (answers) => {
  const calls = serve({ draft: DRAFTED, ...answers })
  screen = mount(document.querySelector("main"), { project: 1, person: "Ada", message: null })
  await settled()
  return calls
}

beforeEach(() => {
  globalThis.localStorage = storage()
  document.body.innerHTML = "<main><div class='labelling'></div></main>"
})
afterEach(() => screen.leave())

test("a record is shown with its instruction, its response and every question", async () => {
  const { task } = sheet()
  await start({ task: sheet() })
  assert.equal(shown(".turn .text").textContent, task.messages[0].content)
  assert.equal(shown(".editor").value, task.response)
  assert.equal(root().querySelectorAll(".question").length, task.questions.filter((each) => !each.if_edited).length)
})

test("a digit rates, the button says what is left, and Ctrl+Enter sends the answer", async () => {
  const calls = await start({ task: sheet(), act: next() })
  assert.match(shown("button.main").textContent, /1 left/)
  press("4")
  assert.equal(shown("[data-value='4']").getAttribute("aria-pressed"), "true")
  assert.equal(shown("button.main").disabled, false)
  press("Enter", { ctrlKey: true })
  await settled()
  const [name, sent] = calls.at(-1)
  assert.equal(name, "act")
  assert.equal(sent.kind, "submit")
  assert.equal(sent.answer.rating, 4)
  assert.equal(screen.task.record_id, "r2")
  assert.equal(shown("[data-value='4']").getAttribute("aria-pressed"), "false")
})

test("a second press at once is not taken for the next record", async () => {
  const calls = await start({ task: sheet(), act: next() })
  press("a")
  await settled()
  press("a")
  await settled()
  assert.equal(calls.filter(([name]) => name === "act").length, 1)
  assert.match(shown(".message").textContent, /pressed again at once/)
})

test("the rule that is shown is that of the question that a key answered", async () => {
  await start({ task: sheet() })
  const title = () => shown(".rule b").textContent
  assert.equal(title(), "Quality of the final text")
  press("h")
  assert.equal(title(), "The final text is")
  press("3")
  assert.equal(title(), "Quality of the final text")
})

test("a refused submit leaves the record as it was and says why", async () => {
  await start({ task: sheet(), act: { status: 422, problem: "No.", hint: "Wait." } })
  press("4")
  press("Enter", { ctrlKey: true })
  await settled()
  assert.equal(shown(".message").textContent, "No. Wait.")
  assert.equal(screen.open.answer.rating, 4)
  assert.equal(screen.isBusy, false)
})

test("a tab that learns of another one before its first record says so and throws nothing", async () => {
  const calls = serve({ task: sheet() })
  screen = mount(document.querySelector("main"), { project: 1, person: "Ada", message: null })
  screen.tabs.set(false) // before the answer has come
  await settled()
  assert.equal(calls.length, 1)
  assert.match(shown(".banners").textContent, /You work in another tab/)
  assert.ok(shown(".editor").readOnly)
})

test("tools and their calls are shown as text, and a response that calls one may be empty", async () => {
  const called = sheet()
  const [question, response] = called.task.messages
  const tool_calls = [{ name: "look", arguments: '{"at": "<b>"}', id: "call_1" }]
  called.task.messages = [question, { ...response, content: "", tool_calls }]
  Object.assign(called.task, { response: "", tools: ['{"name": "look"}'] })
  await start({ task: called })
  assert.match(shown(".left > .card").textContent, /Calls look \(call_1\)\s+{"at": "<b>"}/)
  assert.match(shown(".tools").textContent, /1 tool that may be called/)
  assert.match(shown("button.main").textContent, /1 left/)
})

test("the sheet of keys names every action that the server knows", () => {
  assert.deepEqual(Object.keys(ACTIONS).sort(), Object.keys(sheet().keys).sort())
})
