/**
 * Streamlit's own message that the connection is lost: put away on this page, which saves by itself and says so.
 *
 * That message takes the focus from an annotator who types, and what they go on typing would be lost or taken for keys.
 */

const LATELY_MS = 1000

export class Interruptions {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root
    this.lost = { target: /** @type {HTMLElement | null} */ (null), at: -Infinity }
    this.left = (/** @type {FocusEvent} */ { target }) => {
      this.lost = { target: /** @type {HTMLElement} */ (target), at: performance.now() }
    }
    root.addEventListener("focusout", this.left)
    this.observer = new MutationObserver(() => this.putAway())
    this.observer.observe(document.body, { childList: true })
  }

  putAway() {
    const boxes = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("body > [data-testid=stDialog]"))
    const box = [...boxes].find((each) => each.textContent?.includes("Connection error"))
    if (!box) return
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)
    const wasLeftLately = performance.now() - this.lost.at < LATELY_MS
    const field = focused && this.root.contains(focused) ? focused : wasLeftLately ? this.lost.target : null
    const close = /** @type {HTMLElement | null} */ (box.querySelector("button[aria-label=Close]"))
    close?.click()
    this.giveBack(field, performance.now() + LATELY_MS)
  }

  /** The page behind a dialog cannot have the focus until the dialog is gone. */
  giveBack(/** @type {HTMLElement | null} */ field, /** @type {number} */ until) {
    if (!field?.isConnected || performance.now() > until) return
    if (document.activeElement !== field) field.focus({ preventScroll: true })
    const isBehind = document.activeElement !== field || this.root.closest("[inert]")
    if (isBehind) requestAnimationFrame(() => this.giveBack(field, until))
  }

  close() {
    this.observer.disconnect()
    this.root.removeEventListener("focusout", this.left)
  }
}
