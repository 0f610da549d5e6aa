/** What was said before the response: earlier turns folded, the last message open. */

import { kbd, rendered, text } from "./pieces.js"
import { live } from "./vendor/lit-html/directives/live.js"
import { html, nothing } from "./vendor/lit-html/lit-html.js"

/** @import { Answer, Conversation, Message, Role, Task } from "./types.d.ts" */
/** @import { Screen } from "./screen.js" */

/** @type {Record<Role, string>} */
const ROLES = { system: "System", developer: "Developer", user: "User", assistant: "Assistant", tool: "Tool" }
const FOLD_FROM = 3

/** @param {Screen} screen @param {Conversation} conversation @param {Answer | null} answer whose switches can be set */
export function conversation(screen, { messages }, answer) {
  const { open } = screen
  const before = messages.slice(0, lastResponse(messages))
  const pages = screen.reading.isRendered && answer ? open?.texts?.messages : undefined
  const last = before.length - 1
  const turns = before.map((message, n) => {
    const title = n === last && message.role === "user" ? "Instruction" : ROLES[message.role]
    const toggle = message.role === "assistant" && answer ? lossSwitch(screen, messages, n, answer) : nothing
    return html`
      <div class="turn ${message.role}">
        <div class="row">
          <h3>${title}${message.tool_call_id ? ` (${message.tool_call_id})` : nothing}</h3>
          ${toggle}
        </div>
        ${message.content || !message.tool_calls.length ? said(message.content, pages?.[n]) : nothing}
        ${toolCalls(message)}
      </div>`
  })
  const earlier = turns.slice(0, -1)
  const ontoggle = (/** @type {Event} */ { target }) => {
    if (open) open.isUnfolded = /** @type {HTMLDetailsElement} */ (target).open
  }
  const folds = html`
    <details .open=${live(open?.isUnfolded ?? earlier.length <= FOLD_FROM)} @toggle=${ontoggle}>
      <summary>
        ${earlier.length} earlier message${earlier.length > 1 ? "s" : ""}${kbd(screen.sheet?.keys.turns ?? "")}
      </summary>
      ${earlier}
    </details>`
  return html`
    <div class="context">
      ${toolDefinitions(answer ? screen.task : null)}${earlier.length ? folds : nothing}${turns.at(-1) ?? nothing}
    </div>`
}

/** @param {Message[]} messages */
function lastResponse(messages) {
  return messages.findLastIndex((message) => message.role === "assistant")
}

/** What a message says, rendered if there is such a page of it. @param {string} content @param {string} [page] */
function said(content, page) {
  return page === undefined ? text(content) : rendered(page)
}

/** The calls of tools that a message makes, each a card. @param {Message} message */
export function toolCalls({ tool_calls }) {
  return tool_calls.map(
    ({ name, arguments: given, id }) => html`
      <div class="card">
        <p>Calls <b>${name}</b>${id ? ` (${id})` : nothing}</p>
        <pre dir="auto">${given || "(no arguments)"}</pre>
      </div>`,
  )
}

/** The tools that may be called, folded. @param {Task | null} task */
function toolDefinitions(task) {
  if (!task?.tools.length) return nothing
  const cards = task.tools.map((definition) => html`<pre class="card">${definition}</pre>`)
  return html`
    <details class="tools">
      <summary>${cards.length} tool${cards.length > 1 ? "s" : ""} that may be called</summary>
      ${cards}
    </details>`
}

/** Fold the earlier messages, or unfold them. @param {Screen} screen */
export function foldTurns(screen) {
  const turns = /** @type {HTMLDetailsElement | null} */ (screen.root.querySelector(".context > details:not(.tools)"))
  if (turns) turns.open = !turns.open
}

/** Whether an earlier response is trained on, too. */
function lossSwitch(
  /** @type {Screen} */ screen,
  /** @type {Message[]} */ messages,
  /** @type {number} */ n,
  /** @type {Answer} */ answer,
) {
  const switches = answer.trains ?? messages.map((each) => Boolean(each.train))
  const onchange = (/** @type {Event} */ event) => {
    answer.trains = switches.with(n, /** @type {HTMLInputElement} */ (event.target).checked)
    screen.changed()
  }
  return html`
    <label class="switch">
      <input type="checkbox" .checked=${live(switches[n])} ?disabled=${screen.isHeld} @change=${onchange} />
      carries loss
    </label>`
}
