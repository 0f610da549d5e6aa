/**
 * Streamlit's own message that the connection is lost: put away on this page, which saves by itself and says so.
 *
 * That message takes the focus from an annotator who types. Until it is gone and they have the focus back, the letters
 * that they go on typing are put into their text: none is lost or taken for a key.
 */

const LATELY_MS = 1000
const PATIENCE_MS = 10_000 // a message that does not go away keeps the focus after that, so that it can be answered
// The focus may change between the two events of one key; whichever is missed by the text is put into it.
const KEY_EVENTS = /** @type {const} */ (["keydown", "keypress"])

/** @typedef {HTMLTextAreaElement | HTMLInputElement} TextField */

export class Interruptions {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root
    this.lost = { target: /** @type {HTMLElement | null} */ (null), at: -Infinity }
    /** @type {HTMLElement | null} The field that is to have the focus again. */
    this.awaited = null
    this.left = (/** @type {FocusEvent} */ { target }) => {
      this.lost = { target: /** @type {HTMLElement} */ (target), at: performance.now() }
    }
    this.typed = (/** @type {KeyboardEvent} */ event) => this.keep(event)
    this.pointed = () => {
      this.awaited = null // they go somewhere else by themselves
    }
    root.addEventListener("focusout", this.left)
    for (const type of KEY_EVENTS) document.addEventListener(type, this.typed, { capture: true })
    document.addEventListener("pointerdown", this.pointed, { capture: true })
    this.observer = new MutationObserver(() => this.putAway())
    this.observer.observe(document.body, { childList: true })
  }

  putAway() {
    const boxes = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("body > [data-testid=stDialog]"))
    const box = [...boxes].find((each) => each.textContent?.includes("Connection error"))
    if (!box) return
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)
    const wasLeftLately = performance.now() - this.lost.at < LATELY_MS
    this.awaited ??= focused && this.root.contains(focused) ? focused : wasLeftLately ? this.lost.target : null
    const close = /** @type {HTMLElement | null} */ (box.querySelector("button[aria-label=Close]"))
    close?.click()
    this.giveBack(box, performance.now() + PATIENCE_MS)
  }

  /** The page behind a dialog cannot have the focus until the dialog is gone. */
  giveBack(/** @type {HTMLElement} */ box, /** @type {number} */ until) {
    const field = this.awaited
    if (!field) return
    if (field.isConnected && performance.now() < until) {
      if (document.activeElement !== field) field.focus({ preventScroll: true })
      if (box.isConnected || document.activeElement !== field || this.root.closest("[inert]")) {
        requestAnimationFrame(() => this.giveBack(box, until))
        return
      }
    }
    this.awaited = null
  }

  /** Put a letter that would go to the message into the text that it belongs to. @param {KeyboardEvent} event */
  keep(event) {
    const field = this.awaited
    const letter = event.key === "Enter" ? "\n" : event.key
    if (!field || letter.length !== 1 || event.ctrlKey || event.metaKey || event.isComposing) return
    if (event.composedPath()[0] === field) return
    if (!(field instanceof HTMLTextAreaElement || field instanceof HTMLInputElement)) return
    event.preventDefault()
    event.stopImmediatePropagation()
    insert(field, letter)
  }

  close() {
    this.observer.disconnect()
    this.root.removeEventListener("focusout", this.left)
    for (const type of KEY_EVENTS) document.removeEventListener(type, this.typed, { capture: true })
    document.removeEventListener("pointerdown", this.pointed, { capture: true })
  }
}

/** Type a letter where the caret of a field stands. @param {TextField} field @param {string} letter */
function insert(field, letter) {
  const end = field.value.length
  field.setRangeText(letter, field.selectionStart ?? end, field.selectionEnd ?? end, "end")
  field.dispatchEvent(new InputEvent("input", { bubbles: true, composed: true, inputType: "insertText", data: letter }))
}
