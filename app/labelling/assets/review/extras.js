/** What may stand beside a verdict: claims that are checked, and what goes back to the data. */

import { kbd } from "../pieces.js"
import { live } from "../vendor/lit-html/directives/live.js"
import { html, nothing } from "../vendor/lit-html/lit-html.js"
import { ACTIONS, asPair, checkClaims, findNearest, writeAnswer } from "./commands.js"
import { CLAIM_VERDICTS } from "./verdict.js"

/** @import { ClaimDraft, Neighbour, OpenPair, SideName } from "./types.d.ts" */
/** @import { Pane } from "./pane.js" */

/** @param {Pane} pane @param {OpenPair} open @param {SideName} side */
export function extras(pane, open, side) {
  const isThere = open.texts[side] !== null
  const { feedback } = pane.verdict(side)
  return html`
    <div class="options">
      <button class="small" ?disabled=${!isThere} @click=${() => checkClaims(pane, side)}
      >Check claims${kbd(ACTIONS.claims)}</button>
      <button class="small" aria-expanded=${feedback.corrected !== null} @click=${() => writeAnswer(pane, side)}
      >Write the right answer${kbd(ACTIONS.answer)}</button>
      <button class="small" aria-pressed=${feedback.asPair} @click=${() => asPair(pane, side)}
      >Preference pair, this one worse${kbd(ACTIONS.prefer)}</button>
      <button class="small" ?disabled=${!isThere} @click=${() => findNearest(pane, side)}
      >What taught it${kbd(ACTIONS.nearest)}</button>
    </div>
    ${claims(pane, side)}${correction(pane, side)}${neighbours(pane, open, side)}`
}

/** @param {Pane} pane @param {SideName} side */
function claims(pane, side) {
  const verdict = pane.verdict(side)
  if (!verdict.claims) return nothing
  return html`
    <section class="claims" aria-label=${`Claims of output ${side}`}>
      ${verdict.claims.map((claim) => claimRow(pane, side, claim))}
      ${verdict.claims.length === 0 ? html`<p>The text states nothing.</p>` : nothing}
    </section>`
}

/** @param {Pane} pane @param {SideName} side @param {ClaimDraft} claim */
function claimRow(pane, side, claim) {
  const set = (/** @type {"text" | "evidence"} */ name) => (/** @type {any} */ event) => {
    claim[name] = event.target.value
    pane.changed()
  }
  return html`
    <div class="detail">
      <input type="text" aria-label="Claim" .value=${live(claim.text)} @input=${set("text")}>
      <span class="options" role="group" aria-label="What the evidence says">
        ${CLAIM_VERDICTS.map(
          (verdict) => html`<button
            class="small" aria-pressed=${claim.verdict === verdict}
            @click=${() => {
              pane.verdict(side).judgeClaim(claim, verdict)
              pane.changed()
            }}
          >${verdict}</button>`,
        )}
      </span>
      ${
        claim.verdict === "contradicted" || claim.evidence
          ? html`<input
              type="text" aria-label="Evidence" placeholder="The words of a source that decide it"
              .value=${live(claim.evidence)} @input=${set("evidence")}
            >`
          : nothing
      }
    </div>`
}

/** The right response, for a prompt of the reviewer's own. @param {Pane} pane @param {SideName} side */
function correction(pane, side) {
  const { feedback } = pane.verdict(side)
  if (feedback.corrected === null && !feedback.asPair) return nothing
  const set = (/** @type {"corrected" | "instruction"} */ name) => (/** @type {any} */ event) => {
    feedback[name] = event.target.value
    pane.changed()
  }
  const placeholder = feedback.asPair ? "Empty: the other output is the better one" : "What it should have said"
  return html`
    <section class="correction" aria-label=${`Correction of output ${side}`}>
      <p>This prompt decides about releases, so it never trains. Ask for the same ability in other words and with other
        facts.</p>
      <label class="wide">Another prompt
        <textarea
          class="instruction" rows="2" .value=${live(feedback.instruction)} @input=${set("instruction")}
        ></textarea>
      </label>
      <label class="wide">Right response
        <textarea
          rows="3" placeholder=${placeholder} .value=${live(feedback.corrected ?? "")} @input=${set("corrected")}
        ></textarea>
      </label>
      <p>${feedback.asPair ? "A preference pair" : "A new record"} waits for an annotator once you store.</p>
    </section>`
}

/** Training records that are like the output. @param {Pane} pane @param {OpenPair} open @param {SideName} side */
function neighbours(pane, open, side) {
  const found = open.neighbours[side] ?? []
  const { feedback } = pane.verdict(side)
  const marked = feedback.taught.length
  const blame = marked === 1 ? "What is wrong with the record" : `What is wrong with the ${marked} records`
  if (found.length === 0 && marked === 0) return nothing
  return html`
    <section class="nearest" aria-label=${`Training records like output ${side}`}>
      ${found.map((each) => neighbour(pane, side, each))}
      ${
        marked > 0
          ? html`<label class="wide">${blame}, for the annotators
              <input
                type="text" .value=${live(feedback.taughtReason)}
                @input=${(/** @type {any} */ event) => {
                  feedback.taughtReason = event.target.value
                  pane.changed()
                }}
              ></label>`
          : nothing
      }
    </section>`
}

/** @param {Pane} pane @param {SideName} side @param {Neighbour} row */
function neighbour(pane, side, { record_ids, instruction, response, similarity, shared }) {
  const { feedback } = pane.verdict(side)
  const [record] = record_ids
  const isMarked = feedback.taught.includes(record)
  return html`
    <div class="card">
      <div class="text" dir="auto"><strong>${instruction}</strong></div>
      <div class="text" dir="auto">${response}</div>
      <p class="facts">${Math.round(100 * similarity)} % alike${shared ? `, both say “${shared}”` : ""}</p>
      <button
        class="small" aria-pressed=${isMarked} ?disabled=${record === undefined}
        @click=${() => {
          feedback.taught = isMarked ? feedback.taught.filter((each) => each !== record) : [...feedback.taught, record]
          pane.changed()
        }}
      >${record === undefined ? "Its record was deleted" : "This taught it: back to the annotators"}</button>
    </div>`
}
