/**
 * An answer as it stands: reading it, changing it, and what the server would say about it.
 *
 * The server decides by the same rules (curator/annotate/settle.py); tests/labelling/answers.json holds both together.
 */

/** @import { Answer, Detail, Project, Question, Task, Typed, Value } from "./types.d.ts" */

export const RATING = "rating"
export const CHECKS = "checks"
const BUILT_IN = [RATING, CHECKS, "edit_reasons", "note"]

// White space as Python's str.strip knows it, which is what the server goes by.
// biome-ignore lint/suspicious/noControlCharactersInRegex: the four separators are white space to Python
const BLANK_TEXT = /^[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*$/

/** An answer that says nothing yet about a response. @param {string} response @returns {Answer} */
export function blank(response) {
  return {
    response,
    rating: null,
    checks: {},
    details: [],
    edit_reasons: [],
    note: "",
    values: {},
    trains: null,
    reject: null,
    preference: null,
  }
}

/** What was answered to a question, built in or the project's own. @param {Answer} answer @param {Question} question */
export function answerTo(answer, question) {
  if (question.id === CHECKS) return ticked(answer)
  if (question.id === RATING) return answer.rating
  if (question.id === "edit_reasons") return answer.edit_reasons
  if (question.id === "note") return answer.note
  return answer.values[question.id] ?? null
}

/** The values of options that were chosen. @param {Answer} answer @param {Question} question */
export function chosen(answer, question) {
  const value = answerTo(answer, question)
  return value === null ? [] : [value].flat().map(String)
}

/** Names of the checks that are set. @param {Answer} answer */
export function ticked(answer) {
  return Object.keys(answer.checks).filter((name) => answer.checks[name])
}

/** @param {Answer} answer @param {Question} question @param {Value | null} value */
export function setValue(answer, question, value) {
  if (question.id === CHECKS) {
    const names = /** @type {string[]} */ (value ?? [])
    answer.checks = Object.fromEntries(question.options.map((option) => [option.value, names.includes(option.value)]))
    answer.details = answer.details.filter((detail) => names.includes(detail.check))
  } else if (question.id === RATING) answer.rating = value === null ? null : Number(value)
  else if (question.id === "edit_reasons") answer.edit_reasons = /** @type {string[]} */ (value ?? [])
  else if (question.id === "note") answer.note = String(value ?? "")
  else if (value === null || value === "" || (Array.isArray(value) && !value.length)) delete answer.values[question.id]
  else answer.values[question.id] = question.kind === "rating" ? Number(value) : value
}

/** Choose an option: one of several is toggled, the only one stays when chosen again. Returns whether it is on. */
export function choose(/** @type {Answer} */ answer, /** @type {Question} */ question, /** @type {string} */ value) {
  if (question.kind !== "choices") {
    setValue(answer, question, value)
    return true
  }
  const before = chosen(answer, question)
  const isOn = !before.includes(value)
  setValue(answer, question, isOn ? [...before, value] : before.filter((each) => each !== value))
  return isOn
}

/** @param {Question} question @param {Answer} answer @param {Task} task */
export function isAsked(question, answer, task) {
  if (question.if_edited && answer.response === task.response) return false
  return !(question.id === RATING && task.alternative !== null)
}

/**
 * What keeps an answer from being submitted; empty when it is complete.
 *
 * @param {Answer} answer
 * @param {Task} task
 * @returns {{ question: string, text: string }[]}
 */
export function problems(answer, task) {
  if (answer.reject !== null) return []
  const open = []
  const callsTools = task.messages.at(-1)?.tool_calls.length // such a response may have no words
  if (BLANK_TEXT.test(answer.response) && !callsTools)
    open.push({ question: "response", text: "The response is empty. Write one, or flag the record for a lead." })
  if (task.alternative !== null && answer.preference === null)
    open.push({ question: "preference", text: "Say which of the two responses is better." })
  if (answer.trains !== null && !answer.trains.some(Boolean))
    open.push({
      question: "trains",
      text: "No response would be trained. Leave one switched on, or reject the record.",
    })
  for (const question of task.questions) {
    if (!question.required || !isAsked(question, answer, task)) continue
    if (isOpen(answer, question)) open.push({ question: question.id, text: `“${question.title}” needs an answer.` })
  }
  return open
}

/** @param {Answer} answer @param {Question} question */
function isOpen(answer, question) {
  const value = answerTo(answer, question)
  return value === null || value === "" || (Array.isArray(value) && value.length === 0)
}

/**
 * Why a record with this answer would not be accepted.
 *
 * @param {Answer} answer
 * @param {Task} task
 * @param {Project} project
 */
export function reasonsToKeepOut(answer, task, project) {
  if (answer.reject !== null) return [`it is rejected as ${answer.reject}`]
  const reasons = ticked(answer).map((name) => `${name.replaceAll("_", " ")} is ticked`)
  if (answer.rating !== null && answer.rating < project.min_rating)
    reasons.push(`the rating ${answer.rating} is below ${project.min_rating}`)
  if (answer.preference?.choice === "both bad") reasons.push("both responses are bad")
  for (const question of task.questions) {
    if (BUILT_IN.includes(question.id)) continue
    for (const value of chosen(answer, question)) {
      const option = question.options.find((each) => each.value === value)
      if (option && question.keeps_out.includes(value)) reasons.push(`${question.title}: ${option.label}`)
    }
  }
  return reasons
}

/** Choose what is suggested beforehand, never for questions about safety. @param {Answer} answer @param {Task} task */
export function preselect(answer, task) {
  for (const { question: id, value } of task.suggestions) {
    const question = task.questions.find((each) => each.id === id)
    if (!question || question.safety || question.kind === "text" || id === "edit_reasons") continue
    if (isOpen(answer, question)) setValue(answer, question, value)
  }
}

/** The detail of a ticked check, made if there is none yet. @param {Answer} answer @param {string} check */
export function detailOf(answer, check) {
  const known = answer.details.find((each) => each.check === check)
  if (known) return known
  /** @type {Detail} */
  const detail = { check, severity: null, start: null, end: null, reason: "" }
  answer.details.push(detail)
  return detail
}

/** Whether anything was typed, as opposed to chosen. @param {Answer} answer @param {Task} task */
export function hasText(answer, task) {
  const own = task.questions.some(({ id, kind }) => kind === "text" && answer.values[id])
  const isEdited = answer.response !== task.response
  return isEdited || answer.note !== "" || answer.details.some(({ reason }) => reason) || own
}

/**
 * Whether two answers say the same, however their JSON is written: the server writes out what was left open.
 *
 * @param {Partial<Answer>} one
 * @param {Partial<Answer>} another
 */
export function isSame(one, another) {
  return canonical(one) === canonical(another)
}

/** @param {Partial<Answer>} answer */
function canonical({ response, rating, checks, details, edit_reasons, note, values, trains, reject, preference }) {
  const set = Object.entries(checks ?? {}).filter(([, isOn]) => isOn)
  const passages = (details ?? []).map((each) => [
    each.check,
    each.severity ?? null,
    each.start ?? null,
    each.end ?? null,
    each.reason ?? "",
  ])
  return JSON.stringify([
    response,
    rating ?? null,
    set.map(([name]) => name).sort(),
    passages,
    edit_reasons ?? [],
    note ?? "",
    Object.entries(values ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)),
    trains ?? null,
    reject ?? null,
    preference ? [preference.choice, preference.strength ?? null, preference.shown_left] : null,
  ])
}
