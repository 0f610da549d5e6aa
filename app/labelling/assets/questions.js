/** The questions of a record: buttons that are set by mouse or key, with the rule of the question in focus. */

import { answerTo, CHECKS, choose, chosen, detailOf, isAsked, RATING, setValue, ticked } from "./answer.js"
import { passageOf, quote } from "./passages.js"
import { kbd } from "./pieces.js"
import { selectedPassage } from "./response.js"
import { live } from "./vendor/lit-html/directives/live.js"
import { html, nothing } from "./vendor/lit-html/lit-html.js"
import { shortened } from "./words.js"

/** @import { Answer, Detail, Option, Question, Suggestion, Task } from "./types.d.ts" */
/** @import { Screen } from "./screen.js" */

const SEVERITIES = ["severity", "1 low", "2 moderate", "3 high", "4 critical"]
const QUOTE = 24

/**
 * What is asked about a record, or was asked of an earlier answer.
 *
 * @param {Screen} screen
 * @param {Task} task
 * @param {Answer} answer
 */
export function questions(screen, task, answer) {
  const asked = task.questions.filter((question) => isAsked(question, answer, task))
  const ruled = asked.find((question) => question.id === screen.open?.focused) ?? asked[0]
  return html`
    <div>
      ${asked.map((question, n) => block(screen, task, answer, question, n + 1))}
      <div class="rule" aria-live="polite"><b>${ruled?.title}</b><div>${ruled?.guide}</div></div>
    </div>`
}

/**
 * One question with its number.
 *
 * @param {Screen} screen
 * @param {Task} task
 * @param {Answer} answer
 * @param {Question} question
 * @param {number} n
 */
function block(screen, task, answer, question, n) {
  const focus = () => screen.focusOn(question)
  // not mouseenter: a new record under a resting pointer was not pointed at
  return html`
    <section class="question" data-question=${question.id} @focusin=${focus} @mousemove=${focus}>
      <h3 id=${`question-${question.id}`}>
        ${n} ${question.title}${question.required ? html`<span class="required"> required</span>` : nothing}
      </h3>
      ${question.kind === "text" ? field(screen, answer, question) : options(screen, answer, question)}
      ${suggestions(screen, task, answer, question)}
      ${question.id === CHECKS ? ticked(answer).map((check) => detail(screen, answer, question, check)) : nothing}
    </section>`
}

/** @param {Screen} screen @param {Answer} answer @param {Question} question */
function field(screen, answer, question) {
  const oninput = (/** @type {Event} */ event) => {
    setValue(answer, question, /** @type {HTMLInputElement} */ (event.target).value)
    screen.changed()
  }
  return html`
    <input
      type="text" dir="auto" data-field=${question.id} aria-labelledby=${`question-${question.id}`}
      placeholder=${question.required ? "" : "optional"} ?readonly=${screen.isHeld}
      .value=${live(String(answerTo(answer, question) ?? ""))} @input=${oninput}
    />`
}

/** @param {Screen} screen @param {Answer} answer @param {Question} question */
function options(screen, answer, question) {
  const isOn = chosen(answer, question)
  const buttons = question.options.map((option) => {
    const key = keyOf(screen, question, option)
    const onclick = () => chooseOption(screen, question, option.value)
    return html`
      <button class="option" aria-pressed=${isOn.includes(option.value)} data-value=${option.value} @click=${onclick}>
        ${option.label}${key ? kbd(key) : nothing}
      </button>`
  })
  return html`<div class="options" role="group" aria-labelledby=${`question-${question.id}`}>${buttons}</div>`
}

/** Severity, passage and reason of a ticked check. */
function detail(
  /** @type {Screen} */ screen,
  /** @type {Answer} */ answer,
  /** @type {Question} */ question,
  /** @type {string} */ check,
) {
  const label = question.options.find((option) => option.value === check)?.label
  const known = answer.details.find((each) => each.check === check)
  const details = answer.details.filter((each) => each.check === check)
  const onseverity = (/** @type {Event} */ event) => {
    detailOf(answer, check).severity = Number(/** @type {HTMLSelectElement} */ (event.target).value) || null
    screen.changed()
  }
  const onreason = (/** @type {Event} */ event) => {
    detailOf(answer, check).reason = /** @type {HTMLInputElement} */ (event.target).value
    screen.changed()
  }
  const onmark = () => {
    const selected = selectedPassage(screen)
    if (!selected) return screen.say("Select a passage of the response first.", true)
    screen.open?.mark(check, selected)
    screen.changed()
  }
  const severity = (/** @type {string} */ name, /** @type {number} */ n) => html`
    <option value=${n || ""} ?selected=${(known?.severity ?? 0) === n}>${name}</option>`
  return html`
    <div class="detail">
      <span>${label}</span>
      <select aria-label=${`${label}: severity`} ?disabled=${screen.isHeld} @change=${onseverity}>
        ${SEVERITIES.map(severity)}
      </select>
      ${details.map((each) => passage(screen, answer, each))}
      ${screen.open?.isPair ? nothing : html`<button class="small" @click=${onmark}>Mark passage</button>`}
      <input
        type="text" dir="auto" data-field=${`reason ${check}`} placeholder="reason" aria-label=${`${label}: reason`}
        ?readonly=${screen.isHeld} .value=${live(known?.reason ?? "")} @input=${onreason}
      />
    </div>`
}

/** A marked passage, which a click takes out. @param {Screen} screen @param {Answer} answer @param {Detail} detail */
function passage(screen, answer, detail) {
  const place = passageOf(detail)
  const hasChanged = screen.open?.hasChangedUnder(detail)
  if (!place) return hasChanged ? html`<span class="warning">⚠ the marked text is gone</span>` : nothing
  const onclick = () => {
    screen.open?.unmark(detail)
    screen.changed()
  }
  return html`
    <button class="small passage" title="Take this passage out" @click=${onclick}>
      “${shortened(quote(answer.response, place), QUOTE)}” ✕
    </button>
    ${hasChanged ? html`<span class="warning">⚠ its text changed</span>` : nothing}`
}

/** What a model or a rule proposes for a question. */
function suggestions(
  /** @type {Screen} */ screen,
  /** @type {Task} */ task,
  /** @type {Answer} */ answer,
  /** @type {Question} */ question,
) {
  return task.suggestions
    .filter((each) => each.question === question.id)
    .map((each) => {
      const values = [each.value].flat().map(String)
      const labels = values.map((value) => question.options.find((option) => option.value === value)?.label ?? value)
      const score = each.score === null ? "" : ` ${each.score.toFixed(2)}`
      const use = () => {
        for (const value of values) if (!chosen(answer, question).includes(value)) chooseOption(screen, question, value)
      }
      return html`
        <p class="suggestion">
          ✦ ${labels.join(", ")} (${each.source}${score})
          ${question.kind === "text" ? nothing : html`<button class="small" @click=${use}>Use</button>`}
        </p>`
    })
}

/**
 * Choose an option of the open record, by mouse or key.
 *
 * @param {Screen} screen
 * @param {Question} question
 * @param {string} value
 */
export function chooseOption(screen, question, value) {
  const { open } = screen
  if (!open) return
  const isOn = choose(open.answer, question, value)
  const selected = question.id === CHECKS && isOn && selectedPassage(screen)
  if (selected) open.mark(value, selected)
  answered(screen, question)
  const button = screen.root.querySelector(`[data-question="${question.id}"] [data-value="${value}"]`)
  if (button instanceof HTMLElement) button.focus({ preventScroll: true })
}

/**
 * A rating says that the record is of use, so it takes a rejection out.
 *
 * @param {Screen} screen
 * @param {Question} question
 */
function answered(screen, question) {
  const { open } = screen
  if (!open) return
  if (question.id === RATING && open.answer.rating !== null) open.answer.reject = null
  open.focused = question.id
  screen.changed()
}

/** A digit on a scale; 0 takes it back. @param {Screen} screen @param {Question} question @param {number} digit */
export function rate(screen, question, digit) {
  if (!screen.open) return
  if (digit === 0) {
    setValue(screen.open.answer, question, null)
    answered(screen, question)
  } else if (question.options.some((option) => option.value === String(digit)))
    chooseOption(screen, question, String(digit))
}

/** The scale of a rating that has the focus. @param {Screen} screen */
export function scaleInFocus(screen) {
  const section = /** @type {HTMLElement | null} */ (document.activeElement?.closest("[data-question]") ?? null)
  if (!section || !screen.root.contains(section)) return undefined
  return screen.task?.questions.find(({ id, kind }) => kind === "rating" && section.dataset.question === id)
}

/**
 * The key that chooses an option, if it has one: an action of this annotator on the same letter comes first.
 *
 * @param {Screen} screen
 * @param {Question} question
 * @param {Option} option
 */
function keyOf(screen, question, option) {
  const keys = screen.sheet?.keys ?? {}
  if (question.id === CHECKS) return keys[option.value]
  if (question.kind === "rating") return question.id === RATING ? option.key : null
  return option.key && /[a-z]/.test(option.key) && !Object.values(keys).includes(option.key) ? option.key : null
}

/** What the letters of the project's own options choose. @param {Task} task */
export function letters(task) {
  const lettered = task.questions.filter((question) => question.id !== CHECKS).flatMap((question) => question.options)
  return new Map(
    lettered.flatMap(({ key, label }) => (key && /^[a-z]$/.test(key) ? [/** @type {const} */ ([key, label])] : [])),
  )
}

/** Choose the option of a letter. Returns whether there is one. @param {Screen} screen @param {string} key */
export function pressLetter(screen, key) {
  const { open } = screen
  for (const question of open?.task.questions ?? []) {
    if (!open || question.id === CHECKS || question.kind === "rating") continue
    if (!isAsked(question, open.answer, open.task)) continue
    const option = question.options.find((each) => keyOf(screen, question, each) === key)
    if (!option) continue
    chooseOption(screen, question, option.value)
    return true
  }
  return false
}
