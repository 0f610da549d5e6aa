/** Keys of the screen: single keys never act while text is typed, and none of them destroys anything. */

const PAUSE_MS = 600 // letters of one sentence follow each other faster

/** Whether a key goes into a field. @param {KeyboardEvent} event */
function isTyping(event) {
  const target = event.composedPath()[0]
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
}

/**
 * Tells its listeners what was pressed: the action of a key, a digit, Ctrl+Enter, Escape, or any other key, of which
 * `option` says whether it was the key of an option.
 *
 * An annotator who types may lose the box under their hands. What follows without a pause is the rest of their
 * sentence and no command, unless they left the box themselves: by Escape, Tab, Ctrl+Enter or the mouse.
 */
export class Keys {
  /**
   * @param {object} listeners
   * @param {(action: string) => void} listeners.act
   * @param {(digit: number) => void} listeners.digit
   * @param {(key: string) => boolean} listeners.option
   * @param {() => void} listeners.submit
   * @param {() => void} listeners.leave
   * @param {() => boolean} listeners.paused
   */
  constructor(listeners) {
    this.listeners = listeners
    /** @type {Map<string, string>} */
    this.actions = new Map()
    this.typedAt = -Infinity
    this.listener = (/** @type {KeyboardEvent} */ event) => {
      if (!this.isSentence(event)) this.pressed(event)
    }
    this.left = () => {
      this.typedAt = -Infinity
    }
    document.addEventListener("keydown", this.listener)
    document.addEventListener("pointerdown", this.left)
  }

  /** Use these keys, by action. @param {Record<string, string>} keys */
  set(keys) {
    this.actions = new Map(Object.entries(keys).map(([action, key]) => [key, action]))
  }

  /** Whether a key is part of what is being typed, in a box or after it went away. @param {KeyboardEvent} event */
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

  /** @param {KeyboardEvent} event */
  pressed(event) {
    const { act, digit, option, submit, leave, paused } = this.listeners
    if (event.isComposing || document.querySelector("dialog[open], [role=dialog]") || paused()) return
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault() // also keeps the focused button from being pressed
      if (!event.repeat) submit()
      return
    }
    if (event.key === "Escape") return leave()
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return
    if (/^[0-9]$/.test(event.key)) {
      event.preventDefault()
      digit(Number(event.key))
      return
    }
    if (event.repeat) return
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key
    const action = this.actions.get(key)
    if (action) act(action)
    else if (!option(key)) return
    event.preventDefault()
  }

  close() {
    document.removeEventListener("keydown", this.listener)
    document.removeEventListener("pointerdown", this.left)
  }
}
