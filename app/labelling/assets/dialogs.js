/** Dialogs: they close by Escape, go when they are closed, and stay open while the screen behind them is drawn anew. */

import { Refused } from "./server.js"
import { html, render } from "./vendor/lit-html/lit-html.js"

/**
 * Open a dialog; no field in it has the focus until it is given. Returns it with `draw`, which draws its content anew.
 *
 * @param {HTMLElement} parent
 * @param {string} title
 * @param {(box: HTMLDialogElement) => unknown} content
 */
export function openDialog(parent, title, content) {
  const box = document.createElement("dialog")
  box.setAttribute("aria-label", title)
  box.tabIndex = -1
  const draw = () => render(html`<h2>${title}</h2>${content(box)}`, box)
  box.addEventListener("close", () => box.remove())
  draw()
  parent.append(box)
  box.showModal()
  box.focus({ preventScroll: true })
  return { box, draw }
}

/** Let the key that opened a dialog close it, unless it is typed into a field. */
export function closesBy(/** @type {string} */ key, /** @type {HTMLDialogElement} */ box) {
  box.addEventListener("keydown", (event) => {
    if (!box.open) return // closed, and the focus is still on it until the next frame
    const isTyped = /** @type {HTMLElement} */ (event.target).matches("input, textarea, select")
    if (event.key.toLowerCase() !== key || event.ctrlKey || event.metaKey || event.altKey || isTyped) return
    event.preventDefault()
    event.stopPropagation() // or it would open again
    box.close()
  })
}

/**
 * Ask for a line of text. The dialog stays until `done` is through with it, and keeps the text if that is refused.
 *
 * @param {HTMLElement} parent
 * @param {object} wording
 * @param {string} wording.title
 * @param {string} wording.help
 * @param {string} wording.label of the button that sends
 * @param {boolean} [wording.optional] an empty line may be sent, too
 * @param {(line: string, onwait: (tries: number) => void) => unknown} done
 */
export function ask(parent, { title, help, label, optional = false }, done) {
  let complaint = ""
  let isSending = false
  const field = () => /** @type {HTMLInputElement} */ (dialog.box.querySelector("input"))
  const show = (/** @type {string} */ text) => {
    complaint = text
    dialog.draw()
  }
  const send = async () => {
    const line = field().value.trim()
    if (isSending || (!optional && !line)) return
    isSending = true
    dialog.draw()
    try {
      await done(line, (tries) => show(`Not sent, retrying (${tries}).`))
      dialog.box.close()
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      show(`${error.problem} ${error.hint}`)
    } finally {
      isSending = false
      dialog.draw()
    }
  }
  const onkeydown = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Enter" || event.isComposing) return
    event.preventDefault()
    send()
  }
  const dialog = openDialog(
    parent,
    title,
    (box) => html`
      <p>${help}</p>
      <input type="text" dir="auto" aria-label=${title} ?readonly=${isSending} @keydown=${onkeydown} />
      <p role="alert" class="problem">${complaint}</p>
      <div class="row">
        <button class="main" @click=${send}>${label}</button>
        <button @click=${() => box.close()}>Cancel</button>
      </div>`,
  )
  field().focus()
}
