/** The questions of a record: buttons that are set by mouse or key, with the rule of the one in focus. */

import { h, kbd } from "./dom.js"

const SEVERITIES = ["", "1 low", "2 moderate", "3 high", "4 critical"]
const BUILT_IN = { rating: "rating", checks: "checks", edit_reasons: "edit_reasons", note: "note" }

/** Reads and writes one question of an answer, whether it is built in or the project's own. */
export function get(answer, question) {
  if (question.id === "checks") return Object.keys(answer.checks).filter((name) => answer.checks[name])
  if (question.id === "rating") return answer.rating === null ? null : String(answer.rating)
  return question.id in BUILT_IN ? answer[question.id] : (answer.values[question.id] ?? null)
}

export function set(answer, question, value) {
  if (question.id === "checks") {
    answer.checks = Object.fromEntries(question.options.map(({ value: name }) => [name, value.includes(name)]))
    answer.details = answer.details.filter((detail) => value.includes(detail.check))
  } else if (question.id === "rating") answer.rating = value === null ? null : Number(value)
  else if (question.id in BUILT_IN) answer[question.id] = value
  else if (value === null || value === "" || value.length === 0) delete answer.values[question.id]
  else answer.values[question.id] = question.kind === "rating" ? Number(value) : value
}

export function isAsked(question, answer, task) {
  if (question.if_edited && answer.response === task.response) return false
  return !(question.id === "rating" && task.alternative !== null)
}

/** Questions that still need an answer. */
export function missing(answer, task) {
  if (answer.reject) return []
  return task.questions.filter((question) => {
    const value = get(answer, question)
    return question.required && isAsked(question, answer, task) && (value === null || value.length === 0)
  })
}

/** Why a record with this answer is kept out of versions; the server decides by the same rule. */
export function reasonsToKeepOut(answer, task, project) {
  if (answer.reject) return [`it is rejected as ${answer.reject}`]
  const reasons = Object.keys(answer.checks)
    .filter((name) => answer.checks[name])
    .map((name) => `${name.replace("_", " ")} is ticked`)
  if (answer.rating !== null && answer.rating < project.min_rating)
    reasons.push(`the rating ${answer.rating} is below ${project.min_rating}`)
  if (answer.preference?.choice === "both bad") reasons.push("both responses are bad")
  for (const question of task.questions) {
    if (question.id in BUILT_IN) continue
    const given = [answer.values[question.id] ?? []].flat().map(String)
    for (const option of question.options)
      if (given.includes(option.value) && question.keeps_out.includes(option.value))
        reasons.push(`${question.title}: ${option.label}`)
  }
  return reasons
}

export class Questions {
  /** `onchange` is called with the question after every change; `selection()` gives the selected passage of the response, if any. */
  constructor(parent, { task, answer, keys, onchange, selection }) {
    Object.assign(this, { parent, task, answer, keys, onchange, selection, focused: null })
    this.rule = h("div", { class: "rule", "aria-live": "polite" })
    this.draw()
  }

  draw() {
    const asked = this.task.questions.filter((question) => isAsked(question, this.answer, this.task))
    this.parent.replaceChildren(...asked.map((question, n) => this.block(question, n + 1)), this.rule)
    this.showRule(this.focused ?? asked[0])
  }

  block(question, n) {
    const id = `question-${question.id}`
    const title = h(
      "h3",
      { id },
      `${n} ${question.title}`,
      question.required ? h("span", { class: "required" }, " required") : null,
    )
    const body = question.kind === "text" ? this.field(question, id) : this.options(question, id)
    return h(
      "section",
      {
        class: "question",
        "data-question": question.id,
        onfocusin: () => this.showRule(question),
        onmousemove: () => this.showRule(question),
      }, // not mouseenter: a new record under a resting pointer was not pointed at

      title,
      body,
      this.suggestion(question),
      question.id === "checks" ? this.details(question) : null,
    )
  }

  field(question, id) {
    const value = get(this.answer, question) ?? ""
    const oninput = (event) => {
      set(this.answer, question, event.target.value)
      this.onchange(question)
    }
    return h("input", {
      type: "text",
      "data-field": question.id,
      dir: "auto",
      "aria-labelledby": id,
      value,
      oninput,
      placeholder: question.required ? "" : "optional",
    })
  }

  options(question, id) {
    const chosen = [get(this.answer, question) ?? []].flat().map(String) // a rating is a number
    const buttons = question.options.map((option) => {
      const key = this.keyOf(question, option)
      const on = chosen.includes(option.value)
      return h(
        "button",
        {
          class: "option",
          "aria-pressed": String(on),
          "data-value": option.value,
          onclick: () => this.choose(question, option.value),
        },
        option.label,
        key ? kbd(key) : null,
      )
    })
    return h("div", { class: "options", role: "group", "aria-labelledby": id }, ...buttons)
  }

  /** Several are toggled; of one, a choice is set and never taken away by choosing it again. */
  choose(question, value) {
    if (question.kind === "choices") {
      const chosen = get(this.answer, question) ?? []
      const on = !chosen.includes(value)
      set(this.answer, question, on ? [...chosen, value] : chosen.filter((each) => each !== value))
      if (question.id === "checks" && on) {
        const passage = this.selection()
        if (passage) Object.assign(this.detail(value), passage)
      }
    } else set(this.answer, question, value)
    this.focused = question
    this.draw()
    this.onchange(question)
    this.parent
      .querySelector(`[data-question="${question.id}"] [data-value="${value}"]`)
      ?.focus({ preventScroll: true })
  }

  clear(question) {
    set(this.answer, question, null)
    this.draw()
    this.onchange(question)
  }

  detail(check) {
    const known = this.answer.details.find((each) => each.check === check)
    if (known) return known
    const blank = { check, severity: null, start: null, end: null, reason: "" }
    this.answer.details.push(blank)
    return blank
  }

  /** Severity, passage and reason of every ticked check. */
  details(question) {
    return get(this.answer, question).map((check) => {
      const label = question.options.find((option) => option.value === check).label
      const known = this.answer.details.find((each) => each.check === check) ?? {
        severity: null,
        start: null,
        reason: "",
      }
      const letters = Array.from(this.answer.response)
      const quote = known.start === null ? null : letters.slice(known.start, known.end).join("")
      const severity = h(
        "select",
        {
          "aria-label": `${label}: severity`,
          onchange: (event) => {
            this.detail(check).severity = Number(event.target.value) || null
            this.onchange(question)
          },
        },
        ...SEVERITIES.map((name, n) =>
          h("option", { value: String(n || ""), selected: known.severity === (n || null) }, name || "severity"),
        ),
      )
      const reason = h("input", {
        type: "text",
        "data-field": `reason ${check}`,
        dir: "auto",
        value: known.reason,
        placeholder: "reason",
        "aria-label": `${label}: reason`,
        oninput: (event) => {
          this.detail(check).reason = event.target.value
          this.onchange(question)
        },
      })
      const mark = h(
        "button",
        {
          class: "small",
          title: "Select a passage of the response first",
          onclick: () => {
            const passage = this.selection()
            Object.assign(this.detail(check), passage ?? { start: null, end: null })
            this.draw()
            this.onchange(question)
          },
        },
        quote === null ? "Mark passage" : `“${quote.length > 24 ? `${quote.slice(0, 24)}…` : quote}”`,
      )
      return h("div", { class: "detail" }, h("span", {}, label), severity, mark, reason)
    })
  }

  suggestion(question) {
    const found = this.task.suggestions.filter((each) => each.question === question.id)
    return found.map((each) => {
      const values = [each.value].flat().map(String)
      const names = values
        .map((value) => question.options.find((option) => option.value === value)?.label ?? value)
        .join(", ")
      const score = each.score === null ? "" : ` ${each.score.toFixed(2)}`
      const use = () => {
        for (const value of values)
          if (![get(this.answer, question) ?? []].flat().includes(value)) this.choose(question, value)
      }
      return h(
        "p",
        { class: "suggestion" },
        `✦ ${names} (${each.source}${score}) `,
        question.kind === "text" ? null : h("button", { class: "small", onclick: use }, "Use"),
      )
    })
  }

  showRule(question) {
    if (!question || (this.focused === question && this.rule.hasChildNodes())) return
    this.focused = question
    this.rule.replaceChildren(h("b", {}, question.title), h("div", {}, question.guide))
  }

  /** The key that chooses an option, if it has one: an action of this annotator on the same letter comes first. */
  keyOf(question, option) {
    if (question.id === "checks") return this.keys[option.value]
    if (question.kind === "rating") return question.id === "rating" ? option.key : null
    return option.key && /[a-z]/.test(option.key) && !Object.values(this.keys).includes(option.key) ? option.key : null
  }

  /** What the letters of the project's own options choose. */
  letters() {
    const lettered = this.task.questions
      .filter((question) => question.id !== "checks")
      .flatMap((question) => question.options)
    return new Map(lettered.filter(({ key }) => /^[a-z]$/.test(key ?? "")).map(({ key, label }) => [key, label]))
  }

  /** A letter key of an option: true when it was one. */
  press(key) {
    for (const question of this.task.questions) {
      if (question.id === "checks" || question.kind === "rating" || !isAsked(question, this.answer, this.task)) continue
      const option = question.options.find((each) => this.keyOf(question, each) === key)
      if (option) {
        this.choose(question, option.value)
        return true
      }
    }
    return false
  }

  /** The scale of a rating that has the focus. */
  scaleInFocus() {
    const section = document.activeElement?.closest("[data-question]")
    return this.task.questions.find(
      ({ id, kind }) => kind === "rating" && this.parent.contains(section) && section.dataset.question === id,
    )
  }

  /** A digit on a scale; 0 takes it back. */
  rate(question, n) {
    if (n === 0) this.clear(question)
    else if (question.options.some((option) => option.value === String(n))) this.choose(question, String(n))
  }
}
