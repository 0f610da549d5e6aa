/** A page, a server and a record to test the labelling screen with. */

import { readFileSync } from "node:fs"

import { Window } from "happy-dom"

/** A JSON file of this folder. */
export function read(name) {
  return JSON.parse(readFileSync(new URL(name, import.meta.url), "utf8"))
}

/** A record that is open as it came. */
export const AS_IT_CAME = { answer: null, at: null, other: null, unsaved: false }

/** Storage of a browser, in memory. */
export function storage() {
  const kept = new Map()
  return {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => kept.set(key, value),
    removeItem: (key) => kept.delete(key),
  }
}

/** Make this process a browser page for the modules; call it before they are imported. */
export function openPage() {
  const window = new Window({ url: "http://127.0.0.1:8501/annotate?person=Ada" })
  const names = [
    "document",
    "Node",
    "Element",
    "HTMLElement",
    "Event",
    "KeyboardEvent",
    "MouseEvent",
    "MutationObserver",
  ]
  for (const name of names) globalThis[name] = window[name]
  globalThis.addEventListener = window.addEventListener.bind(window)
  globalThis.removeEventListener = window.removeEventListener.bind(window)
  Object.assign(globalThis, { window, location: window.location, localStorage: storage() })
  Object.defineProperty(globalThis, "navigator", { value: { sendBeacon: () => true }, configurable: true })
  window.document.body.innerHTML = "<main><div class='labelling'></div></main>"
  return window
}

/**
 * A server that answers by name; `calls` holds what it was asked, in order.
 *
 * An answer is an object, a function of what was sent, or an error with `status`.
 */
export function serve(answers) {
  const calls = []
  globalThis.fetch = async (address, { body }) => {
    const name = address.split("/").at(-1)
    const sent = JSON.parse(body)
    calls.push([name, sent])
    const found = typeof answers[name] === "function" ? answers[name](sent) : answers[name]
    const status = found?.status ?? 200
    return { ok: status < 400, status, json: async () => found }
  }
  return calls
}

/** Let everything that is due happen. */
export function settled() {
  return new Promise((go) => setTimeout(go, 0))
}
