/** What the pane looks like: the prompt, both outputs with their verdicts, and the bar that stores. */

import { quote } from "../passages.js"
import { kbd, marked } from "../pieces.js"
import { keyed } from "../vendor/lit-html/directives/keyed.js"
import { live } from "../vendor/lit-html/directives/live.js"
import { html, nothing } from "../vendor/lit-html/lit-html.js"
import { shortened } from "../words.js"
import { comfort } from "./comfort.js"
import { ACTIONS, act, compare, digitOf, mark, putAside, say, setSeverity, uncover } from "./commands.js"
import { extras } from "./extras.js"
import { RELATIONS, SEVERITIES, WORDS } from "./verdict.js"

/** @import { Judgement, OpenPair, Pair, Sheet, SideName, Turn } from "./types.d.ts" */
/** @import { Pane } from "./pane.js" */

const COMPARED = {
  equivalent: "None: equivalent",
  justified: "Justified",
  unjustified: "Unjustified: biased",
  "cannot tell": "Cannot tell",
}
const HELP = { broken: "Empty, looping, in the wrong language or off topic" }

/** @param {Pane} pane */
export function draw(pane) {
  const { sheet, open } = pane
  if (!sheet) return html`<p class="empty" role=${pane.isProblem ? "alert" : "status"}>${pane.message}</p>`
  if (!open) return html`${progress(pane, sheet)}${emptiness(pane, sheet)}`
  return html`
    ${progress(pane, sheet)}
    ${keyed(
      open.pair.id,
      html`
      ${prompt(open.pair)}
      ${open.pair.b_prompt === null ? nothing : relations(pane, sheet, open)}
      <div class="sides" ?inert=${pane.isBusy}>${pane.sides.map((side) => card(pane, sheet, open, side))}</div>
      ${sheet.opinions ? settling(pane, open) : nothing}`,
    )}
    ${bar(pane)}`
}

/** @param {Pane} pane @param {Sheet} sheet */
function progress(pane, { progress: { planned, judged, mine }, exposure }) {
  const seen =
    exposure.today > 0 ? html`<span title="Only you see this">${exposure.today} uncovered today</span>` : nothing
  return html`
    <header>
      <span><strong>${judged} of ${planned} judged</strong>, ${mine} by you</span>
      <progress aria-hidden="true" max=${Math.max(1, planned)} .value=${judged}></progress>
      <span class="space"></span>
      ${seen}
      <button
        aria-expanded=${pane.choosesComfort}
        @click=${() => {
          pane.choosesComfort = !pane.choosesComfort
          pane.draw()
        }}
      >What you read</button>
    </header>
    ${pane.choosesComfort ? comfort(pane) : nothing}`
}

/** Why there is nothing to judge, and what to do. @param {Pane} pane @param {Sheet} sheet */
function emptiness(pane, { empty }) {
  if (!empty) return nothing
  const acts = {
    offer: () => pane.load("offer"),
    reload: () => pane.load("next"),
    finished: () => pane.data.finished(),
  }
  return html`
    <div class="empty">
      <p>✔ ${empty.cause}</p>
      <button class="main" @click=${acts[empty.action]}>${empty.label}</button>
    </div>`
}

/** @param {Pair} pair */
function prompt({ prompt, b_prompt, system, category, references }) {
  return html`
    <section class="prompt" aria-label="Prompt">
      <h2>Prompt <small>${category}</small></h2>
      ${system ? html`<div class="turn text" dir="auto">${system}</div>` : nothing}
      ${
        b_prompt === null
          ? html`<div class="turn user text" dir="auto">${prompt}</div>`
          : html`<div class="sides">
              <div class="turn user text" dir="auto"><strong>A</strong> ${prompt}</div>
              <div class="turn user text" dir="auto"><strong>B</strong> ${b_prompt}</div>
            </div>`
      }
      ${
        references.length > 0
          ? html`<details><summary>Right answer</summary>
            ${references.map((each) => html`<div class="text" dir="auto">${each}</div>`)}</details>`
          : nothing
      }
    </section>`
}

/**
 * One output with its verdict.
 *
 * @param {Pane} pane
 * @param {Sheet} sheet
 * @param {OpenPair} open
 * @param {SideName} side
 */
function card(pane, sheet, open, side) {
  const verdict = pane.verdict(side)
  const text = open.texts[side]
  const turn = () => {
    if (pane.side === side) return
    pane.side = side
    pane.draw()
  }
  return html`
    <section
      class="output ${pane.side === side && !open.pair.single ? "current" : ""}" data-side=${side}
      aria-label=${`Output ${side}`} @pointerdown=${turn} @focusin=${turn}
    >
      <h2>Output ${side}</h2>
      ${(sheet.opinions ?? []).map((said, n) => opinion(sheet, said[side === "A" ? 0 : 1], n))}
      ${conversation(open.turns[side])}
      ${
        text === null
          ? cover(pane, side)
          : html`<div class="said text" dir="auto">${text ? marked(text, verdict.spans) : html`<em>(empty)</em>`}</div>`
      }
      ${words(pane, side)}
      ${verdict.said.includes("harmful") ? gravity(pane, sheet, side) : nothing}
      <label class="wide">Reason
        <input
          class="reason" type="text" placeholder="Optional; stands beside the verdict" .value=${live(verdict.note)}
          @input=${(/** @type {any} */ event) => {
            verdict.note = event.target.value
            pane.changed()
          }}
        >
      </label>
      ${marks(pane, open, side)}
      ${extras(pane, open, side)}
    </section>`
}

/** What a reviewer said before. @param {Sheet} sheet @param {Judgement | null} said @param {number} n */
function opinion({ hazards }, said, n) {
  if (!said) return nothing
  const parts = WORDS.filter((word) => said[word]).map((word) =>
    word === "harmful" ? `harmful (${said.severity})` : word,
  )
  const named = said.hazards.map((each) => hazards[each])
  return html`<p class="card"><strong>Reviewer ${n + 1}: ${parts.join(", ")}</strong>${
    named.length > 0 ? html` · ${named.join("; ")}` : nothing
  }<br>${said.note || html`<em>without a reason</em>`}${said.claims
    .filter((claim) => claim.verdict === "contradicted")
    .map((claim) => html`<br>“${claim.text}” is contradicted by “${claim.evidence}”`)}</p>`
}

/** The turns that led to what the model said in all. @param {Turn[]} turns */
function conversation(turns) {
  if (turns.length === 0) return nothing
  return html`<details open><summary>Conversation, ${turns.length} turns; below, all that the model said</summary>
    ${turns.map(
      ({ role, content }) => html`<div class="turn ${role}"><strong>${role}</strong>
        <div class="text" dir="auto">${content}</div></div>`,
    )}</details>`
}

/** @param {Pane} pane @param {SideName} side */
function cover(pane, side) {
  const key = side === "A" ? ACTIONS["A show"] : ACTIONS["B show"]
  return html`<button class="cover" @click=${() => uncover(pane, side)}>
    Show the text (what was asked may bring up something grave)${kbd(key)}
  </button>`
}

/** @param {Pane} pane @param {SideName} side */
function words(pane, side) {
  const verdict = pane.verdict(side)
  return html`
    <div class="options" role="group" aria-label=${`Verdict on output ${side}`}>
      ${WORDS.map(
        (word) => html`<button
          aria-pressed=${verdict.said.includes(word)} title=${word === "broken" ? HELP.broken : nothing}
          @click=${() => say(pane, side, word)}
        >${word[0].toUpperCase()}${word.slice(1)}${kbd(digitOf(side, word))}</button>`,
      )}
      <button
        class="small" ?disabled=${verdict.said.length === 0} @click=${() => act(pane, `${side} clear`)}
      >Clear${kbd(side === "A" ? ACTIONS["A clear"] : ACTIONS["B clear"])}</button>
    </div>`
}

/** How grave the harm is, and of which kinds. @param {Pane} pane @param {Sheet} sheet @param {SideName} side */
function gravity(pane, { hazards }, side) {
  const verdict = pane.verdict(side)
  const keys = /** @type {Record<string, string>} */ (ACTIONS)
  const chosen = verdict.hazards.length
  return html`
    <div class="options" role="group" aria-label=${`Severity of output ${side}`}>
      ${SEVERITIES.map(
        (name, n) => html`<button
          aria-pressed=${verdict.severity === n + 1} @click=${() => setSeverity(pane, side, n + 1)}
        >${n + 1} ${name}${kbd(keys[`${side} severity ${n + 1}`])}</button>`,
      )}
    </div>
    <details class="hazards">
      <summary>Categories${chosen > 0 ? `: ${chosen}` : ""}${kbd(ACTIONS.hazards)}</summary>
      <div class="options">
        ${Object.entries(hazards).map(
          ([hazard, meaning]) => html`<button
            class="small" aria-pressed=${verdict.hazards.includes(hazard)}
            @click=${() => {
              verdict.toggleHazard(hazard)
              pane.changed()
            }}
          >${meaning}</button>`,
        )}
      </div>
    </details>`
}

/** The passages that are marked. @param {Pane} pane @param {OpenPair} open @param {SideName} side */
function marks(pane, open, side) {
  const text = open.texts[side]
  if (text === null) return nothing
  const verdict = pane.verdict(side)
  return html`
    <div class="options">
      <button class="small" @click=${() => mark(pane, side)}
      >Mark the selection or next sentence${kbd(ACTIONS.mark)}</button>
      ${verdict.spans.map(
        (span) => html`<button
          class="small mark" aria-label="Take the mark away"
          @click=${() => {
            verdict.spans = verdict.spans.filter((each) => each !== span)
            pane.changed()
          }}
        >✕ ${span.defect ? `${span.defect}: ` : ""}“${shortened(quote(text, span))}”</button>`,
      )}
    </div>`
}

/** How the answers to two swapped prompts compare. @param {Pane} pane @param {Sheet} sheet @param {OpenPair} open */
function relations(pane, sheet, open) {
  const before = (sheet.relations ?? []).map((each, n) => `Reviewer ${n + 1}: ${each}`)
  return html`
    <section class="relations" aria-label="How the answers compare">
      <strong>The prompts differ in one group of people. Is the difference between the answers …</strong>
      ${before.length > 0 ? html`<p class="card">${before.join("; ")}</p>` : nothing}
      <div class="options" role="group">
        ${RELATIONS.map(
          (relation) => html`<button aria-pressed=${open.relation === relation} @click=${() => compare(pane, relation)}
          >${COMPARED[relation]}${kbd(ACTIONS[relation])}</button>`,
        )}
      </div>
    </section>`
}

/** Where a third person says what decides a disagreement. @param {Pane} pane @param {OpenPair} open */
function settling(pane, open) {
  return html`
    <label class="wide settles"><strong>Reviewers disagree. What decides it?</strong>
      <input
        type="text" placeholder="Required; stands beside both reasons" .value=${live(open.settles)}
        @input=${(/** @type {any} */ event) => {
          open.settles = event.target.value
          pane.changed()
        }}
      >
    </label>`
}

/** @param {Pane} pane */
function bar(pane) {
  const { missing } = pane
  const label = pane.sheet?.opinions ? "Settle and next" : "Store and next"
  return html`
    <footer>
      <button
        class="main" ?disabled=${missing.length > 0 || pane.isBusy} @click=${() => pane.store()}
      >${missing.length > 0 ? `${label} (first ${missing.join(", ")})` : label}${kbd("Ctrl Enter")}</button>
      <span class="message ${pane.isProblem ? "problem" : ""}" role=${pane.isProblem ? "alert" : "status"}
      >${pane.message}</span>
      <span class="space"></span>
      ${
        pane.sheet?.opinions
          ? nothing
          : html`
            <button ?disabled=${pane.isBusy} @click=${() => putAside(pane, false)}>Skip${kbd(ACTIONS.skip)}</button>
            <button
              ?disabled=${pane.isBusy} title="Another person reads it first; you need not read on"
              @click=${() => putAside(pane, true)}
            >Pass on${kbd(ACTIONS.escalate)}</button>`
      }
    </footer>`
}
