/** The labelling screen: one record at a time, stored before the next one is shown, nothing typed ever lost. */

import { ActiveTime } from "./active.js"
import { clock, closesBy, copy, dialog, h, kbd, keepingFocus } from "./dom.js"
import { Drafts, isSame } from "./drafts.js"
import { Interruptions } from "./interruptions.js"
import { Keys } from "./keys.js"
import { context, drawn, pair } from "./panes.js"
import { missing, Questions, reasonsToKeepOut } from "./questions.js"
import { Remarks } from "./remarks.js"
import { Refused, Server } from "./server.js"
import { Tabs } from "./tabs.js"

const REASONS = ["unanswerable", "wrong", "unsafe", "off topic", "duplicate", "other"]
const CHOICES = { 1: "left", 2: "right", 0: "tie", 9: "both bad" }
const STRENGTHS = { 1: "slightly", 2: "clearly", 3: "by far" }
const IDLE_SECONDS = 60
const BEAT_SECONDS = 60
const WARN_SECONDS = 120
const HUSH_MS = 600 // longer than the gap of a double press, shorter than a look at a record
const BLANK = {
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
const ELSEWHERE = {
  code: "answered_elsewhere",
  problem: "You answered this record in another window.",
  hint: "Your text is kept in this browser: copy it, or take your answer back under My history and use it there.",
}
const BROUGHT_BACK = ["undo", "reopen"] // acts after which a record comes up that was judged before
const LOOK = "pressed again at once: not taken for this record"
const DONE = {
  submit: "Submitted",
  skip: "Skipped; what you typed is kept",
  flag: "Set aside for a lead",
  undo: "Taken back as you left it",
  reopen: "Taken back as you left it",
}

/** Starts the screen in an element of a Streamlit page; gives what ends it. */
export function mount(parent, data) {
  const root = parent.querySelector(".labelling")
  if (root.screen) return root.screen
  root.screen = new Screen(root, data)
  return root.screen
}

class Screen {
  constructor(root, data) {
    Object.assign(this, {
      root,
      data,
      busy: false,
      past: null,
      view: "edit",
      active: new ActiveTime(data.person),
      touched: Date.now(),
    })
    this.stage = h("div", { class: "stage" }) // drawn anew; a dialog beside it stays open with what was typed into it
    this.root.append(this.stage)
    this.server = new Server(data)
    this.drafts = new Drafts(this.server, data.person, {
      onstate: (state, detail) => this.showSaving(state, detail),
      onmeasured: (token, measured) => {
        if (token === this.task?.token && !this.busy) this.showMeasure(measured)
      },
      onrefused: (token, error) => {
        if (token === this.task?.token && error.code === ELSEWHERE.code) this.keepHere(error)
      },
    })
    this.remarks = new Remarks(this.server, {
      onwait: (tries) => this.say(`The comment is not sent, retrying (${tries}).`, true),
      onrefused: (error, text) => this.complain(error, `Your comment “${shortened(text)}” is not stored. `),
    })
    this.keys = new Keys({
      act: (action) => this.onAction(action),
      digit: (n) => this.onDigit(n),
      option: (key) => this.onOption(key),
      submit: () => this.act("submit"),
      leave: () => this.onEscape(),
      paused: () => this.busy,
    })
    this.tabs = new Tabs(`${data.project} ${data.person}`, () => this.draw())
    this.interruptions = new Interruptions(root)
    this.touch = () => {
      this.touched = Date.now()
    }
    this.farewell = () => {
      this.active.keep()
      this.drafts.farewell()
      this.remarks.farewell()
    }
    this.holdBack = (event) => {
      if (this.busy && event.target.closest(".columns :is(button, label)")) {
        event.preventDefault()
        event.stopPropagation()
      }
    }
    for (const kind of ["keydown", "pointerdown", "wheel"])
      document.addEventListener(kind, this.touch, { passive: true })
    addEventListener("pagehide", this.farewell)
    root.addEventListener("click", this.holdBack, true)
    this.timer = setInterval(() => this.tick(), 1000)
    this.message = data.message
    this.load()
  }

  leave() {
    this.farewell()
    this.keys.close()
    this.tabs.close()
    this.interruptions.close()
    clearInterval(this.timer)
    for (const kind of ["keydown", "pointerdown", "wheel"]) document.removeEventListener(kind, this.touch)
    removeEventListener("pagehide", this.farewell)
    this.root.removeEventListener("click", this.holdBack, true)
    delete this.root.screen
    this.root.replaceChildren()
  }

  get readonly() {
    return !this.tabs.active
  }

  async load(options = {}) {
    const waiting = (tries) => {
      const message = `The server does not answer, trying again (${tries}).`
      if (this.state) this.say(message, true)
      else this.stage.replaceChildren(h("div", { class: "empty", role: "status" }, message))
    }
    try {
      this.show(await this.server.insist("task", options, waiting))
    } catch (error) {
      if (this.state || !(error instanceof Refused)) return this.complain(error)
      this.stage.replaceChildren(
        h(
          "div",
          { class: "empty", role: "alert" },
          h("p", {}, `✖ ${error.problem} ${error.hint}`),
          h(
            "div",
            { class: "row" },
            h("button", { class: "main", onclick: () => this.load(options) }, "Try again"),
            h("button", { onclick: () => location.reload() }, "Reload the page"),
          ),
        ),
      )
    }
  }

  /** Say what went wrong with a call, and the next step; the screen stays as it is. */
  complain(error, about = "") {
    if (error instanceof Refused) return this.say(`${about}${error.problem} ${error.hint}`, true)
    console.error(error)
    this.say("The server does not answer. What you typed is kept; try again.", true)
  }

  /** Draw a state that the server sent. */
  show(state) {
    // A second press is meant for the record before: what follows it at once has been seen by nobody yet.
    const follows = this.task && state.task && state.task.record_id !== this.task.record_id
    Object.assign(this, {
      state,
      task: state.task,
      past: null,
      view: "edit",
      measured: null,
      outdated: null,
      elsewhere: null,
    })
    Object.assign(this, {
      hushedUntil: follows && !BROUGHT_BACK.includes(state.done) ? performance.now() + HUSH_MS : 0,
    })
    this.keys.set(state.keys)
    const kept = this.task && this.drafts.restore(this.task)
    if (this.task) {
      this.active.start(this.task.record_id)
      const start = kept.answer ?? { response: this.task.response }
      this.answer = structuredClone({ ...BLANK, ...start })
      if (!kept.answer) this.preselect()
      this.restored = isSame(start, { response: this.task.response }) ? null : kept.at
      this.other = kept.other
      this.weighs = ["response", "alternative"].includes(this.answer.preference?.choice)
      this.expires = Date.now() + this.task.lease_seconds * 1000
    }
    this.draw()
    if (kept?.unsaved) this.note()
  }

  /** Whether a record came up so lately, and untouched, that submitting it can only be meant for the one before. */
  isHushed() {
    if (performance.now() >= this.hushedUntil) return false
    if (!this.message?.includes(LOOK)) this.say(`${this.message ?? ""} · ${LOOK}`)
    return true
  }

  /** Suggestions are chosen beforehand, never for questions about safety. */
  preselect() {
    for (const { question: id, value } of this.task.suggestions) {
      const question = this.task.questions.find((each) => each.id === id)
      if (!question || question.safety || question.kind === "text") continue
      if (id === "rating") this.answer.rating ??= Number(value)
      else if (id !== "edit_reasons") this.answer.values[id] ??= value
    }
  }

  /** Draw everything anew; on the same record the field that somebody types in keeps the focus. */
  draw() {
    const again = this.task && this.drawn === this.task.record_id
    this.drawn = this.task?.record_id
    if (again) keepingFocus(this.stage, () => this.redraw())
    else this.redraw()
    this.hold()
  }

  redraw() {
    const { task } = this
    this.parts = {
      status: h("span", { class: "status", role: "status" }),
      message: h("span", { class: "message", role: "status" }),
      lease: h("span", { class: "lease" }),
      banners: h("div", { class: "banners" }),
    }
    if (!task) this.stage.replaceChildren(this.header(), this.emptiness())
    else {
      this.showBanners()
      this.stage.replaceChildren(
        this.header(),
        this.parts.banners,
        h(
          "div",
          {
            class: "columns",
            onpointerdown: () => {
              this.hushedUntil = 0
            },
          },
          h("div", { class: "left" }, ...this.record()),
          this.form(),
        ),
        this.bar(),
      )
      this.refresh()
      if (this.view !== "edit") this.showView(this.view)
    }
    this.showMessage()
    this.tick()
  }

  header() {
    const { progress, project } = this.state
    const left = progress.hours_left ? ` · ${hours(progress.hours_left)} of work left` : ""
    return h(
      "header",
      {},
      h(
        "span",
        {
          class: "progress",
          title:
            "Answers that stand, since midnight UTC and in all; records of the project. Counted in the transactions that change them; the time is your quartiles times the records that wait.",
        },
        h("b", {}, project.name),
        ` · ${progress.today} today · ${progress.mine} in all · ${progress.settled.toLocaleString("en")} of ${progress.records.toLocaleString("en")} records settled${left}`,
      ),
      this.parts.message,
      h("span", { class: "space" }),
      this.parts.status,
      this.parts.lease,
      h("button", { class: "small", onclick: () => this.onAction("keys") }, "Keys", kbd(this.state.keys.keys)),
      this.showGuideButton(),
    )
  }

  showGuideButton() {
    this.parts.guide ??= h("button", { class: "small", onclick: () => this.onAction("guide") })
    this.parts.guide.replaceChildren(this.hasNewGuide() ? "Guide ● unread" : "Guide", kbd(this.state.keys.guide))
    return this.parts.guide
  }

  /** Nothing changes while an answer is on its way: what would be typed now is neither in it nor in the next record. */
  hold() {
    for (const field of this.stage.querySelectorAll(".columns :is(textarea, input[type=text])"))
      field.readOnly = this.busy || this.readonly
    for (const field of this.stage.querySelectorAll(".columns :is(select, input[type=checkbox])"))
      field.disabled = this.busy || this.readonly || Boolean(this.past)
  }

  showBanners() {
    this.parts.banners.replaceChildren(...this.banners())
  }

  banners() {
    const { task } = this
    const found = []
    if (this.readonly)
      found.push(
        h(
          "div",
          { class: "banner warn", role: "alert" },
          "You work in another tab; this one only reads. ",
          h("button", { onclick: () => this.continueHere() }, "Continue here"),
        ),
      )
    if (this.past)
      found.push(
        h(
          "div",
          { class: "banner" },
          `Your answer of ${clock(this.past.submitted_at)}, now ${this.past.state}. `,
          h(
            "button",
            { onclick: () => this.act("reopen", { annotation: this.past.id }) },
            "Take it back into the editor",
          ),
          h("button", { onclick: () => this.onEscape() }, "Back to the present"),
        ),
      )
    if (this.outdated)
      found.push(
        h(
          "div",
          { class: "banner warn", role: "status" },
          `The ${this.outdated} changed while you had this record open. Your answer stays valid under the one you see. `,
          h("button", { onclick: () => this.showChanges() }, "What changed"),
          h("button", { onclick: () => this.load() }, "Show the new one, keep my text"),
        ),
      )
    if (task.sent_back) found.push(h("div", { class: "banner warn" }, h("b", {}, "↩ Sent back: "), task.sent_back))
    if (this.elsewhere)
      found.push(
        h(
          "div",
          { class: "banner warn", role: "alert" },
          `${this.elsewhere.problem} ${this.elsewhere.hint} `,
          h("button", { onclick: () => this.copyText() }, "Copy text"),
          h("button", { onclick: () => this.load() }, "Next record"),
        ),
      )
    if (this.other && !this.past)
      found.push(
        h(
          "div",
          { class: "banner warn" },
          `There is another text of yours, from ${clock(this.other.at)}: “${shortened(this.other.answer.response)}” `,
          h("button", { onclick: () => this.swap() }, "Use that text"),
          h("button", { onclick: () => this.forgetOther() }, "Forget it"),
        ),
      )
    if (this.restored && !this.past)
      found.push(
        h(
          "div",
          { class: "banner" },
          `Restored ${this.hasText() ? "your text" : "what you chose"} from ${clock(this.restored)}. `,
          h("button", { class: "small", onclick: () => this.discard() }, "Discard"),
        ),
      )
    for (const ruling of task.rulings)
      found.push(
        h(
          "div",
          { class: "banner" },
          h("b", {}, "Ruling on a similar record: "),
          ruling.ruling,
          h("small", {}, ` (${ruling.by}: “${ruling.question}”)`),
        ),
      )
    return found
  }

  /** The left side: what is given, and the response in its views. */
  record() {
    const { task } = this
    const options = { readonly: this.readonly || Boolean(this.past), onchange: () => this.changed() }
    if (this.past)
      return [
        context(this.past, null, options),
        h("h3", {}, "Your response"),
        h("div", { class: "text view", dir: "auto" }, this.past.answer.response),
      ]
    if (task.alternative !== null) return [context(task, this.answer, options), pair(task), this.preference()]
    this.editor = h("textarea", {
      class: "editor",
      "data-field": "response",
      dir: "auto",
      "aria-label": "Response",
      value: this.answer.response,
      readonly: this.readonly,
      spellcheck: "true",
      oninput: () => this.typed(),
    })
    this.place = h("div", { class: "place" }, this.editor)
    const views = ["edit", "rendered", "diff", ...(this.state.project.has_tokens ? ["tokens"] : [])]
    this.tabsOfViews = h(
      "div",
      { class: "tabs", role: "tablist" },
      ...views.map((how) =>
        h(
          "button",
          {
            role: "tab",
            "aria-selected": String(how === this.view),
            "data-view": how,
            onclick: () => this.showView(how),
          },
          { edit: "Edit", rendered: "Rendered", diff: "Changes", tokens: "Tokens" }[how],
        ),
      ),
      kbd(this.state.keys.view),
    )
    this.parts.measure = h("div", { class: "measure", "aria-live": "polite" })
    return [
      context(task, this.answer, options),
      h("div", { class: "row" }, h("h3", {}, "Response"), this.tabsOfViews),
      this.place,
      this.parts.measure,
    ]
  }

  preference() {
    const { task, answer } = this
    const chosen = answer.preference
    const shown =
      chosen &&
      { [task.shown_left]: "left", [other(task.shown_left)]: "right", tie: "tie", "both bad": "both bad" }[
        chosen.choice
      ]
    const choices = Object.entries(CHOICES)
      .sort(([a], [b]) => "1209".indexOf(a) - "1209".indexOf(b))
      .map(([key, name]) =>
        h(
          "button",
          { class: "option", "aria-pressed": String(shown === name), onclick: () => this.prefer(name) },
          { left: "Left is better", right: "Right is better", tie: "Tie", "both bad": "Both bad" }[name],
          kbd(key),
        ),
      )
    const strengths =
      chosen && ["response", "alternative"].includes(chosen.choice)
        ? Object.entries(STRENGTHS).map(([n, name]) =>
            h(
              "button",
              {
                class: "option",
                "aria-pressed": String(chosen.strength === Number(n)),
                onclick: () => this.strengthen(Number(n)),
              },
              name,
              kbd(n),
            ),
          )
        : []
    this.parts.preference = h(
      "div",
      { class: "preference" },
      h("div", { class: "options", role: "group", "aria-label": "Which response is better" }, ...choices),
      h("div", { class: "options", role: "group", "aria-label": "How much better" }, ...strengths),
    )
    return this.parts.preference
  }

  prefer(name) {
    const { task, answer } = this
    answer.reject = null
    const choice = { left: task.shown_left, right: other(task.shown_left) }[name] ?? name
    answer.preference = { choice, strength: null, shown_left: task.shown_left }
    this.weighs = ["response", "alternative"].includes(choice) // digits then say how much better
    this.parts.preference.replaceWith(this.preference())
    this.changed()
  }

  strengthen(n) {
    this.answer.preference.strength = n
    this.parts.preference.replaceWith(this.preference())
    this.changed()
  }

  form() {
    const panel = h("div", { class: "right", inert: this.readonly || Boolean(this.past) })
    const questions = h("div", {})
    const { past } = this
    const task = past
      ? { ...this.task, response: past.response, alternative: past.alternative, suggestions: [] }
      : this.task
    this.questions = new Questions(questions, {
      task,
      answer: this.past?.answer ?? this.answer,
      keys: this.state.keys,
      onchange: (question) => this.answered(question),
      selection: () => this.selection(),
    })
    panel.append(questions, this.past ? "" : this.remarks.draw(this.task))
    return panel
  }

  bar() {
    const { keys } = this.state
    const once = (act) => (event) => {
      if (event.detail < 2) act()
    } // the rest of a double click falls on the next record
    const button = (action, label, extra = {}) =>
      h("button", { onclick: () => this.onAction(action), ...extra }, label, kbd(keys[action]))
    const final = (action, label, extra) =>
      button(action, label, { ...extra, onclick: once(() => this.onAction(action)) })
    const off = this.readonly || Boolean(this.past)
    this.parts.accept = final("accept", "Accept as is", {
      disabled: true,
      title: "Good (4) unless you rated it, no check, the text as it came",
    })
    this.parts.reject = button("reject", "Reject", {
      disabled: off,
      "aria-pressed": "false",
      title: "Press it again to take a rejection out",
    })
    this.parts.submit = h(
      "button",
      { class: "main", disabled: off, onclick: once(() => this.act("submit")) },
      "Submit and next",
    )
    this.parts.effect = h("span", { class: "effect", "aria-live": "polite" })
    return h(
      "footer",
      {},
      button("back", "Back"),
      final("skip", "Skip", { disabled: off }),
      final("flag", "Flag", { disabled: off }),
      this.parts.reject,
      button("undo", "Undo", { disabled: this.readonly }),
      h("button", { class: "small", disabled: off, onclick: () => this.askLead() }, "I am unsure…"),
      this.parts.effect,
      this.parts.accept,
      this.parts.submit,
    )
  }

  emptiness() {
    const { cause, action, label, done } = this.state.empty
    const act = {
      import: () => location.assign(`import_data${location.search}`),
      history: () => location.assign(`history${location.search}`),
      reload: () => this.load(),
      offer_skipped: () => this.load({ offer_skipped: true }),
    }[action]
    return h(
      "div",
      { class: "empty" },
      h("p", {}, done ? "✔ " : "○ ", cause),
      h(
        "div",
        { class: "row" },
        h("button", { class: "main", onclick: act }, label),
        h("button", { onclick: () => this.onAction("undo") }, "Undo", kbd(this.state.keys.undo)),
      ),
    )
  }

  /** What changes with every key stroke. */
  refresh() {
    if (this.past || !this.task) return
    const { task, answer, parts } = this
    const left =
      missing(answer, task).length + (task.alternative !== null && !answer.preference && !answer.reject ? 1 : 0)
    const empty = !answer.reject && task.alternative === null && !answer.response.trim()
    parts.submit.replaceChildren(
      empty ? "The response is empty" : left ? `Submit and next (${left} left)` : "Submit and next",
      h("kbd", { "aria-hidden": "true" }, "Ctrl ⏎"),
    )
    parts.reject.setAttribute("aria-pressed", String(answer.reject !== null))
    parts.submit.disabled = this.readonly || empty || left > 0
    parts.accept.disabled = this.readonly || answer.response !== task.response || task.alternative !== null
    const reasons = reasonsToKeepOut(answer, task, this.state.project)
    parts.effect.textContent =
      left || empty
        ? ""
        : reasons.length
          ? `✖ Kept out of versions, because ${reasons.join(" and ")}.`
          : "✔ Will be accepted."
    parts.effect.className = `effect ${reasons.length ? "out" : "in"}`
    if (parts.measure && !this.measured)
      parts.measure.textContent = counted(answer.response.split(/\s+/).filter(Boolean).length)
  }

  typed() {
    const wasEdited = this.answer.response !== this.task.response
    this.answer.response = this.editor.value
    this.answer.details = this.answer.details.map((each) => ({ ...each, start: null, end: null })) // passages moved
    if (wasEdited !== (this.answer.response !== this.task.response)) this.questions.draw()
    this.changed()
  }

  /** A rating says that the record is of use, so it takes a rejection out. */
  answered(question) {
    if (question?.id === "rating" && this.answer.rating !== null) this.answer.reject = null
    this.changed()
  }

  /** The annotator changed something. */
  changed() {
    this.hushedUntil = 0
    this.note()
  }

  note() {
    this.refresh()
    this.drafts.note(this.body(), { here: Boolean(this.elsewhere) })
  }

  /** Whether anything was typed, as opposed to chosen. */
  hasText() {
    const { response, note, details, values } = this.answer
    const own = this.task.questions.some(({ id, kind }) => kind === "text" && values[id])
    return response !== this.task.response || Boolean(note) || details.some(({ reason }) => reason) || own
  }

  /** The answer with what was seen while it was given. */
  body() {
    const shown =
      this.answer.edit_reasons.length && this.answer.response === this.task.response
        ? { ...this.answer, edit_reasons: [] }
        : this.answer
    const { questions_hash, guideline_hash, suggestions, suggestions_hidden } = this.task
    const saw_suggestions = suggestions.length ? true : suggestions_hidden ? false : null
    return structuredClone({ ...this.claim(), answer: shown, questions_hash, guideline_hash, saw_suggestions })
  }

  claim() {
    const { token, slot_id: slot, record_id: record, expires_at } = this.task
    return { token, slot, record, expires_at, active_seconds: this.active.seconds }
  }

  /** The selected passage of the response, in code points. */
  selection() {
    if (!this.editor || this.editor.selectionStart === this.editor.selectionEnd) return null
    const points = (end) => Array.from(this.editor.value.slice(0, end)).length
    return { start: points(this.editor.selectionStart), end: points(this.editor.selectionEnd) }
  }

  /** True once it is stored and the next record is shown. */
  async act(kind, extra = {}) {
    if (this.busy || (this.readonly && kind !== "undo")) return
    if (kind === "submit" && (!this.task || this.past || this.parts.submit.disabled)) return this.pointOut()
    if (kind === "submit" && this.isHushed()) return
    this.busy = true
    this.hold()
    this.root.classList.add("busy")
    if (BROUGHT_BACK.includes(kind)) this.drafts.save() // what was typed on the record that is left for it
    const before = this.task
    const body = { ...(before ? this.body() : {}), kind, ...extra }
    try {
      // A draft that is on its way must not arrive after the text that a skip or a flag leaves as the draft.
      if (kind === "skip" || kind === "flag") await this.drafts.running?.catch(() => null)
      const state = await this.server.insist("act", body, (tries) =>
        this.say(`Not saved, retrying (${tries}). Your text is kept here.`, true),
      )
      if (before && !BROUGHT_BACK.includes(kind)) this.drafts.drop(before.record_id)
      this.isProblem = false
      this.message =
        state.done === "nothing"
          ? "There is nothing to undo."
          : `${DONE[kind]}${kind === "submit" ? `, ${state.progress.today} today` : ""}${BROUGHT_BACK.includes(kind) ? "" : ` · Undo ${this.state.keys.undo.toUpperCase()}`}`
      this.show(state)
      return true
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      if (error.code === ELSEWHERE.code) return this.keepHere(error)
      this.complain(error)
      if (error.status === 409) await this.load()
    } finally {
      this.busy = false
      this.hold()
      this.root.classList.remove("busy")
    }
  }

  /** Bring the focus to what is missing. */
  pointOut(answer = this.answer) {
    if (!this.task || this.past) return
    const [first] = missing(answer, this.task)
    if (first) this.say(`“${first.title}” is still open.`, true)
    else if (this.task.alternative !== null) this.say("Say which response is better.", true)
    else this.say("The response is empty: write one, or reject the record.", true)
    if (first)
      this.root.querySelector(`[data-question="${first.id}"] button, [data-question="${first.id}"] input`)?.focus()
    else this.editor?.focus()
  }

  onAction(action) {
    if (action === "keys")
      return this.keys.sheet(this.root, (keys) => this.changeKeys(keys), this.questions?.letters() ?? new Map())
    if (action === "guide") return this.showGuide()
    if (this.busy) return
    if (action === "undo") return this.act("undo")
    if (action === "back" || action === "forward") return this.browse(action)
    if (!this.task || this.past || this.readonly) return
    if (action === "skip") return this.act("skip")
    if (action === "flag") return this.flag()
    if (action === "reject") return this.rejection()
    if (action === "accept") return this.accept()
    if (action === "edit") return this.showView("edit").then(() => this.editor?.focus())
    if (action === "view") return this.nextView()
    const checks = this.task.questions.find((question) => question.id === "checks")
    this.questions.choose(checks, action)
  }

  async changeKeys(chosen) {
    const { keys } = await this.server.call("keys", { keys: chosen })
    this.state.keys = keys
    this.draw() // every button shows its key
    return keys
  }

  onOption(key) {
    return Boolean(this.task) && !this.past && !this.readonly && this.questions.press(key)
  }

  onDigit(n) {
    if (!this.task || this.past || this.readonly) return
    const scale = this.questions.scaleInFocus()
    if (scale) return this.questions.rate(scale, n)
    if (this.task.alternative !== null) {
      const { preference } = this.answer
      if (preference && this.weighs && n >= 1 && n <= 3) this.strengthen(n)
      else if (n in CHOICES) this.prefer(CHOICES[n])
      return
    }
    this.questions.rate(
      this.task.questions.find((question) => question.id === "rating"),
      n,
    )
  }

  onEscape() {
    if (this.past) {
      this.past = null
      this.draw()
    } else {
      this.weighs = false // the choice stays; the next digit chooses anew
      document.activeElement?.blur()
    }
  }

  accept() {
    if (this.parts.accept.disabled || this.isHushed()) return
    const accepted = { ...this.answer, rating: this.answer.rating ?? 4, reject: null, checks: {}, details: [] }
    if (missing(accepted, this.task).length) return this.pointOut(accepted)
    Object.assign(this.answer, accepted)
    this.questions.draw()
    this.changed()
    this.act("submit")
  }

  async rejection() {
    if (this.answer.reject !== null) {
      this.answer.reject = null
      this.say("The rejection is taken out; rate the record or reject it anew.")
      return this.changed()
    }
    const choose = async (reason) => {
      if (this.isHushed()) return
      box.close()
      this.answer.reject = reason
      this.refresh()
      const { answer } = this
      if (await this.act("submit")) return
      answer.reject = null // refused: what is not stored is not shown as rejected
      if (this.answer === answer) this.refresh()
    }
    const box = dialog(
      this.root,
      "Reject, because it is",
      h(
        "div",
        { class: "options" },
        ...REASONS.map((reason, n) =>
          h("button", { class: "option", onclick: () => choose(reason) }, reason, kbd(String(n + 1))),
        ),
      ),
      h("p", {}, "Esc cancels. The record is kept, out of every version."),
    )
    box.addEventListener("keydown", (event) => {
      if (REASONS[event.key - 1]) {
        event.preventDefault()
        choose(REASONS[event.key - 1])
      }
    })
  }

  flag() {
    this.ask(
      "Flag for a lead",
      "What should the lead know? (optional)",
      "Flag",
      (reason) => {
        this.act("flag", { reason }) // not waited for: the dialog is done with
      },
      { optional: true },
    )
  }

  askLead() {
    const record = this.task.record_id
    this.ask(
      "I am unsure, because",
      "The lead's answer will stand beside similar records.",
      "Ask",
      async (question, onwait) => {
        await this.remarks.send("doubt", record, question, onwait)
        this.say("Your question is with the lead; go on, skip or flag.")
      },
    )
  }

  /** A line of text; the dialog stays until `done` is through with it, and keeps the text if that is refused. */
  ask(title, help, label, done, { optional = false } = {}) {
    const field = h("input", { type: "text", dir: "auto", "aria-label": title })
    const complaint = h("p", { role: "alert", class: "problem" })
    const send = async () => {
      if (field.readOnly || (!optional && !field.value.trim())) return
      field.readOnly = true
      try {
        await done(field.value.trim(), (tries) => {
          complaint.textContent = `Not sent, retrying (${tries}).`
        })
        box.close()
      } catch (error) {
        if (!(error instanceof Refused)) throw error
        complaint.textContent = `${error.problem} ${error.hint}`
      } finally {
        field.readOnly = false
      }
    }
    const box = dialog(
      this.root,
      title,
      h("p", {}, help),
      field,
      complaint,
      h(
        "div",
        { class: "row" },
        h("button", { class: "main", onclick: send }, label),
        h("button", { onclick: () => box.close() }, "Cancel"),
      ),
    )
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.isComposing) {
        event.preventDefault()
        send()
      }
    })
    field.focus()
  }

  /** Whether the guideline differs from the one that was read here last. */
  hasNewGuide() {
    return (
      Boolean(this.task?.guideline) &&
      localStorage.getItem(`curator guideline ${this.data.person} ${this.data.project}`) !== this.task.guideline_hash
    )
  }

  showGuide() {
    const page = h("div", { class: "rendered", dir: "auto" })
    page.innerHTML = this.task?.guideline || "<p>This project has no guideline yet.</p>" // rendered without HTML
    const box = closesBy(
      this.state.keys.guide,
      dialog(this.root, "Guideline", page, h("button", { onclick: () => box.close() }, "Close")),
    )
    box.addEventListener("close", () => this.showGuideButton())
    if (this.task)
      localStorage.setItem(`curator guideline ${this.data.person} ${this.data.project}`, this.task.guideline_hash)
  }

  /** How the guideline and the questions differ from those that this record was opened with. */
  async showChanges() {
    const { questions_hash, guideline_hash } = this.task
    const parts = []
    try {
      const { reasons, guideline } = await this.server.call("since", { questions_hash, guideline_hash })
      parts.push(...reasons.map((reason) => h("p", {}, reason)))
      if (guideline) parts.push(drawn("diff", { pieces: guideline }))
    } catch (error) {
      parts.push(
        h("p", { role: "alert" }, `${error.problem ?? "The server does not answer."} ${error.hint ?? "Try again."}`),
      )
    }
    const box = dialog(this.root, "What changed", ...parts, h("button", { onclick: () => box.close() }, "Close"))
  }

  async browse(action) {
    const id = this.past?.id
    if (action === "forward" && !id) return
    let entry = null
    try {
      ;({ entry } = await this.server.call("history", { [action === "back" ? "before" : "after"]: id ?? null }))
    } catch (error) {
      return this.complain(error)
    }
    if (!entry && action === "back") return this.say(id ? "This is your first answer." : "You have no answer yet.")
    this.past = entry
    if (this.task) this.draw()
    else if (entry) this.say("Open My history to take it back.")
  }

  async showView(how) {
    if (!this.place) return
    this.view = how
    for (const tab of this.tabsOfViews.querySelectorAll("[role=tab]"))
      tab.setAttribute("aria-selected", String(tab.dataset.view === how))
    if (how === "edit") return this.place.replaceChildren(this.editor)
    const { token } = this.task
    const slow = setTimeout(() => {
      if (this.view === how)
        this.place.replaceChildren(h("div", { class: "view", role: "status" }, "Loading this view…"))
    }, 200)
    try {
      const answer = await this.server.call("preview", { ...this.body(), how })
      if (this.view === how && this.task?.token === token) this.place.replaceChildren(drawn(how, answer))
    } catch (error) {
      if (this.view === how)
        this.place.replaceChildren(
          drawn(how, { problem: `${error.problem ?? "The server does not answer."} ${error.hint ?? "Try again."}` }),
        )
    } finally {
      clearTimeout(slow)
    }
  }

  nextView() {
    if (!this.tabsOfViews) return
    const views = [...this.tabsOfViews.querySelectorAll("[role=tab]")].map((tab) => tab.dataset.view)
    this.showView(views[(views.indexOf(this.view) + 1) % views.length])
  }

  discard() {
    this.drafts.discard(this.task.record_id)
    Object.assign(this, {
      restored: null,
      other: null,
      answer: { ...structuredClone(BLANK), response: this.task.response },
    })
    this.draw()
    this.changed()
  }

  /** Go on with the other text; the one that was shown is then the other one. */
  swap() {
    const shown = { answer: this.body().answer, at: Date.now() }
    this.answer = structuredClone({ ...BLANK, ...this.other.answer })
    Object.assign(this, { other: shown, restored: null })
    this.drafts.settle(shown)
    this.draw()
    this.changed()
  }

  forgetOther() {
    this.other = null
    this.drafts.settle(null)
    this.showBanners()
  }

  /** The server has another answer of this person to this record: the text stays in the box and in this browser. */
  keepHere({ problem, hint }) {
    this.elsewhere = { problem, hint }
    this.note()
    this.showBanners()
  }

  copyText() {
    copy(this.answer.response)
    this.say("The text is copied.")
  }

  async continueHere() {
    this.tabs.take()
    await this.load()
  }

  showMeasure({ words, added, removed, warnings, answered, ...claim }) {
    this.measured = true
    if (answered && !this.elsewhere) this.keepHere(ELSEWHERE)
    else this.showClaim(claim)
    this.parts.measure?.replaceChildren(
      `${counted(words)} · +${added} / -${removed}`,
      ...warnings.map((each) => h("span", { class: "warning" }, ` ⚠ ${each}`)),
    )
  }

  /** What a sign of life brought: whether the record is still held, and whether other things are asked by now. */
  showClaim({ mine, lease_seconds, now }) {
    const changed = [
      now.questions_hash !== this.task.questions_hash && "questions",
      now.guideline_hash !== this.task.guideline_hash && "guideline",
    ]
      .filter(Boolean)
      .join(" and ")
    if (changed && !this.outdated) {
      this.outdated = changed
      this.showBanners() // and nothing else: whoever types keeps their field
    }
    if (mine) this.expires = Date.now() + lease_seconds * 1000
    else this.say("Somebody else may have this record now. What you typed is kept.", true)
  }

  showSaving(state, detail) {
    const texts = {
      dirty: "◐ Typing…",
      saving: "◐ Saving…",
      saved: `● Saved ${detail ? clock(detail) : ""}`,
      here: "◐ In this browser only",
      failed: `✖ Not saved, retrying (${detail}); your text is kept in this browser`,
      refused: `✖ ${detail}`,
    }
    if (!this.parts) return
    this.parts.status.textContent = texts[state]
    this.parts.status.className = `status ${state}`
    if (state === "failed")
      this.parts.status.append(h("button", { class: "small", onclick: () => this.copyText() }, "Copy text"))
  }

  say(message, isProblem = false) {
    this.message = message
    this.isProblem = isProblem
    this.showMessage()
  }

  showMessage() {
    if (!this.parts) return
    this.parts.message.textContent = this.message ?? ""
    this.parts.message.className = `message ${this.isProblem ? "problem" : ""}`
  }

  /** A sign of life, without a draft: nothing was typed for it. */
  async renew() {
    const { task } = this
    try {
      const claim = await this.server.call("renew", this.claim())
      if (task === this.task && !this.busy) this.showClaim(claim)
    } catch (error) {
      if (error instanceof Refused) this.complain(error) // a silent server hears the next one
    }
  }

  /** Once a second: active time, the lease, a sign of life. */
  tick() {
    if (!this.task || !this.parts) return
    const idle = (Date.now() - this.touched) / 1000
    if (idle < IDLE_SECONDS && document.visibilityState === "visible" && !this.readonly) {
      this.active.beat()
      if (this.active.seconds % BEAT_SECONDS === 0 && !this.busy && !this.elsewhere) this.renew()
    }
    const left = Math.round((this.expires - Date.now()) / 1000)
    this.parts.lease.textContent =
      left > 0 ? `lease ${Math.ceil(left / 60)} m` : "lease over: somebody may take this record; your text stays"
    this.parts.lease.className = `lease ${left < WARN_SECONDS ? "warn" : ""}`
  }
}

function shortened(words) {
  return words.length > 60 ? `${words.slice(0, 60)}…` : words
}

function counted(words) {
  return `${words} word${words === 1 ? "" : "s"}`
}

function other(name) {
  return name === "response" ? "alternative" : "response"
}

function hours([low, high]) {
  const shown = (value) => (value < 1 ? `${Math.max(1, Math.round(value * 60))} m` : `${value.toFixed(1)} h`)
  return shown(low) === shown(high) ? `≈ ${shown(low)}` : `${shown(low)} to ${shown(high)}`
}
