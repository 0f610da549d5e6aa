/** The pane: two outputs of one prompt, judged by keys; what is stored is stored before the next pair is shown. */

import { Keys } from "../keys.js"
import { Refused, Server, sentences } from "../server.js"
import { render } from "../vendor/lit-html/lit-html.js"
import { ACTIONS, act, pressDigit } from "./commands.js"
import { draw } from "./drawing.js"
import { Kept } from "./kept.js"
import { Verdict } from "./verdict.js"

/** @import { OpenPair, Sheet, SideName, Start } from "./types.d.ts" */

/** @typedef {HTMLElement & { pane?: Pane }} Root */

const PREFIX = "/api/v1/review/"

/**
 * Start the pane in an element of a Streamlit page. Returns it.
 *
 * @param {HTMLElement} parent
 * @param {Start} data
 */
export function mount(parent, data) {
  const root = /** @type {Root | null} */ (parent.querySelector(".judging"))
  if (!root) throw new Error("There is no element for the pane.")
  root.pane ??= new Pane(root, data)
  return root.pane
}

/** Holds what is shown and draws it; what keys and buttons do stands in commands.js. */
export class Pane {
  /** @param {Root} root @param {Start} data */
  constructor(root, data) {
    this.root = root
    this.data = data
    /** @type {Sheet | null} */
    this.sheet = null
    /** @type {OpenPair | null} */
    this.open = null
    /** The side that keys without a side of their own speak of. @type {SideName} */
    this.side = "A"
    this.message = "Loading…"
    this.isProblem = false
    this.isBusy = false
    /** The list of categories to leave out is shown. */
    this.choosesComfort = false
    this.server = new Server({ system: data.system, person: data.person }, PREFIX)
    this.kept = new Kept(`${data.system} ${data.person}`)
    this.keys = new Keys({
      act: (action) => act(this, action),
      digit: (digit) => pressDigit(this, digit),
      option: () => false,
      submit: () => this.store(),
      leave: () => document.activeElement instanceof HTMLElement && document.activeElement.blur(),
      paused: () => this.isBusy || this.open === null,
    })
    this.keys.set(ACTIONS)
    this.load("next")
  }

  /** Take everything away that the pane put into the page. */
  leave() {
    this.keys.close()
    delete this.root.pane
    this.root.replaceChildren()
  }

  draw() {
    render(draw(this), this.root)
  }

  /** @returns {SideName[]} */
  get sides() {
    return this.open?.pair.single ? ["A"] : ["A", "B"]
  }

  /** @param {SideName} side */
  verdict(side) {
    const found = this.open?.verdicts[side]
    if (!found) throw new TypeError(`no output ${side} is open`)
    return found
  }

  /** What is missing before the pair can be stored, in words. */
  get missing() {
    const { open } = this
    if (!open) return ["wait"]
    const isSwapped = open.pair.b_prompt !== null
    const sides = this.sides.filter((side) => !isSwapped || this.verdict(side).said.length > 0)
    const missing = sides.map((side) => this.verdict(side).missing).filter(Boolean)
    if (isSwapped && open.relation === null) missing.push("compare the answers")
    return this.sheet?.opinions && !open.settles.trim() ? [...missing, "say what decides it"] : missing
  }

  /** Ask for a sheet, again and again until the server answers. @param {string} name @param {object} [body] */
  async load(name, body = {}) {
    this.isBusy = true
    this.draw()
    try {
      this.show(await this.server.insist(name, body, (tries) => this.say(`No answer yet, trying again (${tries}).`)))
    } catch (error) {
      this.complain(error)
    }
  }

  /** Show what the server sent. @param {Sheet} sheet */
  show(sheet) {
    const { pair } = sheet
    this.sheet = sheet
    this.isBusy = false
    this.message = ""
    this.isProblem = false
    this.side = "A"
    this.open = null
    if (pair) {
      const kept = this.kept.of(pair.id)
      this.open = {
        pair,
        texts: { A: pair.a, B: pair.b },
        turns: { A: pair.a_turns, B: pair.b_turns },
        verdicts: { A: new Verdict("A", kept?.A), B: new Verdict("B", kept?.B) },
        neighbours: {},
        relation: kept?.relation ?? null,
        settles: kept?.settles ?? "",
      }
    }
    this.draw()
    scrollTo({ top: 0 })
  }

  /** The reviewer changed something: keep it in this browser, and draw it. */
  changed() {
    if (this.open) this.kept.keep(this.open)
    this.draw()
  }

  /** Store the verdict and what goes back to the data, then show the next pair. */
  async store() {
    const { open, sheet } = this
    if (!open || !sheet || this.isBusy) return
    if (this.missing.length > 0) return this.say(`First ${this.missing.join(" and ")}.`, true)
    const feedback = this.sides.flatMap((side) => this.verdict(side).sentBack)
    const body = {
      pair: open.pair.id,
      a: this.verdict("A").judgement,
      b: open.pair.single ? null : this.verdict("B").judgement,
      relation: open.relation,
      settles: sheet.opinions ? open.settles : null,
      feedback,
    }
    this.isBusy = true
    this.say("Storing…")
    try {
      const answer = await this.server.insist("store", body, (tries) =>
        this.say(`Not stored yet, trying again (${tries}). What you said is kept here.`, true),
      )
      if (answer.sheet) {
        this.kept.drop()
        this.show(answer.sheet)
        return
      }
      for (const [n, refusal] of answer.feedback.entries()) {
        if (refusal === null) this.verdict(feedback[n].side).forget(feedback[n])
      }
      this.isBusy = false
      this.changed()
      const refusals = answer.feedback.filter((/** @type {string | null} */ each) => each !== null)
      this.say(`The verdict is stored. Not sent back: ${refusals.join(" ")}`, true)
    } catch (error) {
      this.complain(error)
    }
  }

  /** @param {string} message */
  say(message, isProblem = false) {
    this.message = message
    this.isProblem = isProblem
    this.draw()
  }

  /** Say what went wrong with a call, and the next step; the pair stays as it is. @param {unknown} error */
  complain(error) {
    if (!(error instanceof Refused)) console.error(error)
    this.isBusy = false
    this.say(sentences(error), true)
  }
}
