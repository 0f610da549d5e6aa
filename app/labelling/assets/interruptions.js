/**
 * Streamlit's own message that the connection is lost: put away on this page, which saves by itself and says so.
 *
 * That message takes the focus from whoever types, and what they go on typing would be lost or taken for keys.
 */

const LATELY_MS = 1000

export class Interruptions {
  constructor(root) {
    Object.assign(this, { root, lost: null })
    this.left = ({ target }) => {
      this.lost = { target, at: performance.now() }
    }
    root.addEventListener("focusout", this.left)
    this.observer = new MutationObserver(() => this.putAway())
    this.observer.observe(document.body, { childList: true })
  }

  putAway() {
    const box = [...document.querySelectorAll("body > [data-testid=stDialog]")].find((each) =>
      each.textContent.includes("Connection error"),
    )
    if (!box) return
    const { target, at } = this.lost ?? {}
    const field =
      document.activeElement && this.root.contains(document.activeElement)
        ? document.activeElement
        : performance.now() - at < LATELY_MS
          ? target
          : null
    box.querySelector("button[aria-label=Close]")?.click()
    this.giveBack(field, performance.now() + LATELY_MS)
  }

  /** The page behind a dialog cannot have the focus until the dialog is gone. */
  giveBack(field, until) {
    if (!field?.isConnected || performance.now() > until) return
    if (document.activeElement !== field) field.focus({ preventScroll: true })
    if (document.activeElement !== field || this.root.closest("[inert]"))
      requestAnimationFrame(() => this.giveBack(field, until))
  }

  close() {
    this.observer.disconnect()
    this.root.removeEventListener("focusout", this.left)
  }
}
