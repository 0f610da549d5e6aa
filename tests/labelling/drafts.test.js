/** What was typed and not submitted yet: which of two texts a record begins with. */

import assert from "node:assert/strict"
import { beforeEach, test } from "node:test"

import { Drafts } from "../../app/labelling/assets/drafts.js"
import { storage } from "./support.js"

const NOTHING = { onstate() {}, onmeasured() {}, onrefused() {} }
const written = {
  response: "Text.",
  rating: 4,
  checks: { harmful: false, unfactual: false, biased: false, personal_data: false },
  details: [],
  edit_reasons: [],
  note: "",
  values: {},
  trains: null,
  reject: null,
  preference: null,
}

beforeEach(() => {
  globalThis.localStorage = storage()
})

const task = (draft, draft_saved_at) => ({ record_id: "r1", draft, draft_saved_at })
const answer = (response) => ({ ...written, response })

test("a record without a draft begins as it came", () => {
  const found = new Drafts(null, "Ada", NOTHING).restore(task(null, null))
  assert.deepEqual(found, { answer: null, at: null, other: null, unsaved: false })
})

test("text that the server never acknowledged wins over its draft, which is offered", () => {
  const drafts = new Drafts(null, "Ada", NOTHING)
  drafts.write("r1", { at: 1, answer: answer("Here."), base: null, acknowledged: false, other: null })
  const found = drafts.restore(task(answer("There."), "2026-01-01T10:00:00Z"))
  assert.equal(found.answer.response, "Here.")
  assert.equal(found.other.answer.response, "There.")
  assert.ok(found.unsaved)
})

test("text that the server acknowledged gives way to a newer draft and is offered", () => {
  const drafts = new Drafts(null, "Ada", NOTHING)
  drafts.write("r1", { at: 1, answer: answer("Here."), base: "a", acknowledged: true, other: null })
  const found = drafts.restore(task(answer("There."), "2026-01-01T10:00:00Z"))
  assert.equal(found.answer.response, "There.")
  assert.equal(found.other.answer.response, "Here.")
  assert.ok(!found.unsaved)
})

test("an answer that is stored leaves no draft behind", () => {
  const drafts = new Drafts(null, "Ada", NOTHING)
  drafts.write("r1", { at: 1, answer: answer("Here."), base: null, acknowledged: false, other: null })
  drafts.restore(task(null, null))
  drafts.drop("r1")
  assert.equal(drafts.read("r1"), null)
})
