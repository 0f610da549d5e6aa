/** Making elements. Text of a record only ever becomes text, never markup. */

/** An element: `h("button", { class: "x", onclick: act }, "Label", kbd)`. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value)
    else if (name === "value") element.value = value
    else element.setAttribute(name, value === true ? "" : value)
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false))
  return element
}

/** Text as it is, with its line breaks, in its own direction. */
export function text(content, properties = {}) {
  return h("div", { dir: "auto", ...properties, class: `text ${properties.class ?? ""}` }, content)
}

/** A key as it is shown on a button. */
export function kbd(key) {
  const shown = { ArrowLeft: "←", ArrowRight: "→" }[key] ?? key.toUpperCase()
  return h("kbd", { "aria-hidden": "true" }, shown)
}

/** A dialog that closes by Escape, and goes when it is closed. No field in it has the focus until somebody gives it. */
export function dialog(parent, title, ...children) {
  const box = h(
    "dialog",
    { "aria-label": title, tabindex: "-1", onclose: () => box.remove() },
    h("h2", {}, title),
    ...children,
  )
  parent.append(box)
  box.showModal()
  box.focus({ preventScroll: true })
  return box
}

/** The same dialog; the key that opened it closes it, unless it is typed into a field. */
export function closesBy(key, box) {
  box.addEventListener("keydown", (event) => {
    if (!box.open) return // closed, and the focus is still on it until the next frame
    if (
      event.key.toLowerCase() !== key ||
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      event.target.matches("input, textarea, select")
    )
      return
    event.preventDefault()
    event.stopPropagation() // or it would open again
    box.close()
  })
  return box
}

/** Hour and minute of a time on this machine. */
export function clock(time) {
  return new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })
}

/** Run `redraw`, which makes the elements of `root` anew, and give the field that somebody typed in its focus back. */
export function keepingFocus(root, redraw) {
  const before = document.activeElement
  const name = root.contains(before) ? before.dataset.field : null
  const { selectionStart, selectionEnd } = before ?? {}
  redraw()
  const after = name && !before.isConnected ? root.querySelector(`[data-field="${CSS.escape(name)}"]`) : null
  if (!after) return
  after.focus({ preventScroll: true })
  if (selectionStart !== undefined && selectionStart !== null) after.setSelectionRange(selectionStart, selectionEnd)
}

/** Put text into the clipboard, also where the page came over plain HTTP and the browser offers no clipboard. */
export function copy(content) {
  if (navigator.clipboard) return navigator.clipboard.writeText(content)
  const box = h("textarea", { value: content })
  document.body.append(box)
  box.select()
  document.execCommand("copy")
  box.remove()
}
