/** Keys of the screen: single keys never act while somebody types, and none of them destroys anything. */

import { closesBy, dialog, h, kbd } from "./dom.js"

const NAMES = {
  accept: "Accept as is",
  reject: "Reject, then 1 to 6 for the reason",
  skip: "Skip",
  flag: "Flag for a lead",
  undo: "Undo your last act",
  edit: "Into the editor",
  view: "Next view of the response",
  guide: "Guideline",
  keys: "This sheet",
  back: "Your answer before",
  forward: "Your answer after",
  harmful: "Harmful",
  unfactual: "Unfactual",
  biased: "Biased",
  personal_data: "With personal data",
}
const FIXED = [
  ["Ctrl Enter", "Submit and next, also while typing"],
  ["1 to 5", "Rating, or the scale in focus; 0 takes it back"],
  ["1 2 0 9", "Of two responses: left, right, tie, both bad; then 1 to 3 for how much; Esc to choose anew"],
  ["Esc", "Leave the editor; your text stays"],
]

const PAUSE_MS = 600 // letters of one sentence follow each other faster

export function isTyping(event) {
  const target = event.composedPath()[0]
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
}

/**
 * Calls `act(name)` for the action of a pressed key, `digit(n)` for digits, `submit()` for Ctrl+Enter, and `option(key)`
 * for any other, which tells whether it was the key of an option.
 *
 * Whoever types may lose the box to a redraw. What follows without a pause is the rest of their sentence and no command,
 * unless they left the box themselves: by Escape, Tab, Ctrl+Enter or the mouse.
 */
export class Keys {
  constructor({ act, digit, option, submit, leave, paused }) {
    Object.assign(this, { act, digit, option, submit, leave, paused, actions: new Map(), typedAt: -Infinity })
    this.listener = (event) => {
      if (!this.isSentence(event)) this.pressed(event)
    }
    this.left = () => {
      this.typedAt = -Infinity
    }
    document.addEventListener("keydown", this.listener)
    document.addEventListener("pointerdown", this.left)
  }

  set(keys) {
    this.keys = keys
    this.actions = new Map(Object.entries(keys).map(([action, key]) => [key, action]))
  }

  /** Whether a key is part of what somebody types, in a box or after it went away under them. */
  isSentence(event) {
    const isLetter = event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey
    if (!isLetter) {
      if (event.key === "Escape" || event.key === "Tab" || event.key === "Enter") this.left()
      return false
    }
    if (!isTyping(event) && performance.now() - this.typedAt > PAUSE_MS) return false
    this.typedAt = performance.now()
    return true
  }

  pressed(event) {
    if (event.isComposing || document.querySelector("dialog[open], [role=dialog]") || this.paused()) return
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault() // also keeps the focused button from being pressed
      if (!event.repeat) this.submit()
      return
    }
    if (event.key === "Escape") return this.leave()
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return
    if (/^[0-9]$/.test(event.key)) {
      event.preventDefault()
      this.digit(Number(event.key))
      return
    }
    const action = this.actions.get(event.key.length === 1 ? event.key.toLowerCase() : event.key)
    if (event.repeat) return
    if (action) this.act(action)
    else if (!this.option(event.key.toLowerCase())) return
    event.preventDefault()
  }

  /** The sheet of all keys, where they can be changed; `taken` names what the letters of the project's options choose. */
  sheet(parent, save, taken) {
    const inputs = {}
    const complaint = h("p", { role: "alert", class: "problem" })
    const rows = Object.entries(this.keys).map(([action, key]) => {
      if (key.startsWith("Arrow")) return h("tr", {}, h("td", {}, kbd(key)), h("td", {}, NAMES[action]))
      inputs[action] = h("input", { value: key, maxlength: "1", size: "1", "aria-label": `Key: ${NAMES[action]}` })
      return h("tr", {}, h("td", {}, inputs[action]), h("td", {}, NAMES[action]))
    })
    const fixed = FIXED.map(([key, name]) => h("tr", {}, h("td", {}, h("kbd", {}, key)), h("td", {}, name)))
    const apply = async () => {
      const chosen = Object.fromEntries(
        Object.entries(inputs).map(([action, input]) => [action, input.value.toLowerCase()]),
      )
      const clash = Object.values(chosen).find((key) => taken.has(key))
      if (clash) {
        complaint.textContent = `Key ${clash} chooses “${taken.get(clash)}” in this project. Choose another letter.`
        return
      }
      try {
        this.set(await save(chosen))
        box.close()
      } catch (error) {
        complaint.textContent = `${error.problem ?? "The server does not answer."} ${error.hint ?? "Try again."}`
      }
    }
    const box = closesBy(
      this.keys.keys,
      dialog(
        parent,
        "Keys",
        h("table", {}, ...fixed, ...rows),
        complaint,
        h(
          "div",
          { class: "row" },
          h("button", { class: "main", onclick: apply }, "Keep these keys"),
          h("button", { onclick: () => box.close() }, "Close"),
        ),
      ),
    )
  }

  close() {
    document.removeEventListener("keydown", this.listener)
    document.removeEventListener("pointerdown", this.left)
  }
}
