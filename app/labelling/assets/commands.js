/** What each key and button does, as far as the screen allows it at the moment. */

import { accept, act, backToPresent, browse, flag, reject } from "./acts.js"
import { CHECKS, RATING } from "./answer.js"
import { foldTurns } from "./conversation.js"
import { showGuide } from "./guideline.js"
import { openKeySheet } from "./keysheet.js"
import { CHOICES, prefer, strengthen } from "./pair.js"
import { chooseOption, letters, pressLetter, rate, scaleInFocus } from "./questions.js"
import { switchTexts } from "./reading.js"
import { editor } from "./response.js"
import { nextView, showView } from "./views.js"

/** @import { Screen } from "./screen.js" */

/** Acts that need a record in hand. @type {Record<string, (screen: Screen) => unknown>} */
const ON_RECORD = {
  skip: (screen) => act(screen, "skip"),
  flag,
  reject,
  accept,
  edit: (screen) => {
    showView(screen, "edit")
    editor(screen)?.focus()
  },
  view: nextView,
  turns: foldTurns,
  texts: switchTexts,
}

/** The record in hand, unless it can only be read. @param {Screen} screen */
function inHand(screen) {
  return screen.past || screen.isReadOnly ? null : screen.open
}

/** Do what an action of the key map does. @param {Screen} screen @param {string} action */
export function run(screen, action) {
  if (action === "keys") return changeKeys(screen)
  if (action === "guide") return showGuide(screen)
  if (screen.isBusy) return
  if (action === "undo") return act(screen, "undo")
  if (action === "back" || action === "forward") return browse(screen, action)
  const open = inHand(screen)
  if (!open) return
  if (action in ON_RECORD) return ON_RECORD[action](screen)
  const checks = open.task.questions.find((question) => question.id === CHECKS)
  if (checks) chooseOption(screen, checks, action)
}

/**
 * A digit: on the scale in focus, between two responses, or the rating.
 *
 * @param {Screen} screen
 * @param {number} digit
 */
export function pressDigit(screen, digit) {
  const open = inHand(screen)
  if (!open) return
  const scale = scaleInFocus(screen) ?? open.task.questions.find((question) => question.id === RATING)
  if (open.isPair && scale?.id === RATING) return pressDigitOfPair(screen, digit)
  if (scale) rate(screen, scale, digit)
}

/** @param {Screen} screen @param {number} digit */
function pressDigitOfPair(screen, digit) {
  const { open } = screen
  if (!open) return
  if (open.answer.preference && open.weighs && digit >= 1 && digit <= 3) return strengthen(screen, open, digit)
  const choice = CHOICES.find(([key]) => key === String(digit))
  if (choice) prefer(screen, open, choice[1])
}

/** Any other key. Returns whether it was the letter of an option. @param {Screen} screen @param {string} key */
export function pressOther(screen, key) {
  return Boolean(inHand(screen)) && pressLetter(screen, key)
}

/** Leave the earlier answer or the field; nothing is taken away. @param {Screen} screen */
export function pressEscape(screen) {
  if (screen.past) return backToPresent(screen)
  if (screen.open) screen.open.weighs = false // the choice stays; the next digit chooses anew
  if (document.activeElement instanceof HTMLElement) document.activeElement.blur()
}

/** Open the sheet of keys; what is kept is shown on every button at once. @param {Screen} screen */
function changeKeys(screen) {
  const { sheet, task } = screen
  if (!sheet) return
  openKeySheet(screen.root, sheet.keys, task ? letters(task) : new Map(), async (chosen) => {
    const { keys } = await screen.server.call("keys", { keys: chosen })
    screen.setKeys(keys)
  })
}
