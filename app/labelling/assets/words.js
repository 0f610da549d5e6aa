/** How numbers, times and keys are put into words. */

const SHORT = 60

/** Hour and minute of a time on this machine. @param {string | number | Date} time */
export function clock(time) {
  return new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })
}

/** The beginning of a long text. @param {string} text @param {number} [most] */
export function shortened(text, most = SHORT) {
  return text.length > most ? `${text.slice(0, most)}…` : text
}

/** @param {number} words */
export function counted(words) {
  return `${words} word${words === 1 ? "" : "s"}`
}

/** A range of hours, as minutes where it is short. @param {[number, number]} range */
export function hours([low, high]) {
  const shown = (/** @type {number} */ value) =>
    value < 1 ? `${Math.max(1, Math.round(value * 60))} m` : `${value.toFixed(1)} h`
  return shown(low) === shown(high) ? `≈ ${shown(low)}` : `${shown(low)} to ${shown(high)}`
}

/** A key as it is shown on a button. @param {string} key */
export function keyName(key) {
  return { ArrowLeft: "←", ArrowRight: "→" }[key] ?? key.toUpperCase()
}
