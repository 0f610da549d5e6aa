/** Putting text into the clipboard, also where the page came over plain HTTP and the browser offers no clipboard. */

/** @param {string} content */
export function copy(content) {
  if (navigator.clipboard) return void navigator.clipboard.writeText(content)
  const box = document.createElement("textarea")
  box.value = content
  document.body.append(box)
  box.select()
  document.execCommand("copy")
  box.remove()
}
