/** What is read: the conversation, two responses side by side, and other views of the response than the editor. */

import { h, text } from "./dom.js"

const ROLES = { system: "System", user: "User", assistant: "Assistant", tool: "Tool" }
const FOLD_FROM = 3

/** The conversation before the response: earlier turns folded, the last message open. */
export function context(task, answer, { readonly, onchange }) {
  const last = task.messages.findLastIndex((message) => message.role === "assistant")
  const before = task.messages.slice(0, last)
  const parts = before.map((message, n) => turn(message, n, task, answer, { readonly, onchange }))
  const target = parts.pop()
  const title = before.at(-1)?.role === "user" ? "Instruction" : ROLES[before.at(-1)?.role]
  target?.querySelector("h3")?.replaceChildren(title)
  const folded = parts.length > FOLD_FROM
  return h(
    "div",
    { class: "context" },
    parts.length
      ? h(
          "details",
          { open: !folded },
          h("summary", {}, `${parts.length} earlier message${parts.length > 1 ? "s" : ""}`),
          ...parts,
        )
      : null,
    target,
  )
}

/** One message; the switch of an earlier response says whether it is trained on. */
function turn(message, n, task, answer, { readonly, onchange }) {
  const switches = answer?.trains ?? task.messages.map((each) => Boolean(each.train))
  const toggle =
    message.role === "assistant" && answer
      ? h(
          "label",
          { class: "switch" },
          h("input", {
            type: "checkbox",
            checked: switches[n],
            disabled: readonly,
            onchange: (event) => {
              answer.trains = switches.with(n, event.target.checked)
              onchange()
            },
          }),
          " carries loss",
        )
      : null
  return h(
    "div",
    { class: `turn ${message.role}` },
    h("div", { class: "row" }, h("h3", {}, ROLES[message.role]), toggle),
    text(message.content),
  )
}

/** Two responses without their names. */
export function pair(task) {
  const sides = { response: task.response, alternative: task.alternative }
  const left = task.shown_left
  const right = left === "response" ? "alternative" : "response"
  const panes = [left, right].map((name, n) =>
    text(sides[name], { class: "side", tabindex: "0", "aria-label": n ? "Right response" : "Left response" }),
  )
  for (const [from, to] of [panes, [...panes].reverse()]) // both scroll together, by share of their length
    from.addEventListener("scroll", () => {
      if (from.matches(":hover, :focus"))
        to.scrollTop =
          (from.scrollTop / Math.max(1, from.scrollHeight - from.clientHeight)) * (to.scrollHeight - to.clientHeight)
    })
  return h("div", { class: "pair" }, ...panes)
}

/** What the server made of the response for one view. */
export function drawn(how, answer) {
  if (answer.problem) return h("div", { class: "view problem", role: "alert" }, answer.problem)
  if (how === "rendered") {
    const page = h("div", { class: "view rendered", dir: "auto" })
    page.innerHTML = answer.html // rendered by the server without HTML and images
    for (const link of page.querySelectorAll("a")) Object.assign(link, { target: "_blank", rel: "noopener noreferrer" })
    return page
  }
  if (how === "diff")
    return h(
      "div",
      { class: "view text", dir: "auto" },
      ...answer.pieces.map(([kind, part]) => (kind === "same" ? part : h(kind === "added" ? "ins" : "del", {}, part))),
    )
  const over = answer.tokens > answer.most
  return h(
    "div",
    { class: "view" },
    h(
      "p",
      { class: "facts" },
      `${answer.tokens} tokens, ${answer.loss} carry loss (blue), at most ${answer.most}. `,
      answer.ends
        ? "The response ends with an end token."
        : h("b", { class: "problem" }, "The end token is missing: the model would not learn to stop."),
      over ? h("b", { class: "problem" }, " Too long: training refuses this record; nothing is cut.") : null,
    ),
    h(
      "div",
      { class: "text tokens", dir: "auto" },
      ...answer.pieces.map(([carries, part]) =>
        h("span", { class: carries ? "loss" : "masked" }, part.replaceAll("\n", "⏎\n")),
      ),
    ),
  )
}
