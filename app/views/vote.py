"""Vote: two answers to one prompt, names hidden; which is better?"""

from __future__ import annotations

import streamlit as st

from app import state
from app.components import links, notice, pickers, record_card
from curator import Workspace, runs
from curator.review import votes
from schemas.review import ReviewPair

_CHOICES = {"A": "A is better", "B": "B is better", "tie": "Equally good", "both bad": "Both bad"}


def render(workspace: Workspace, person: str) -> None:
    """The next pair of the chosen run, then how the votes stand."""
    st.title("Vote", anchor=False)
    run = pickers.choose_run([run for run in runs.watch(workspace) if not run.is_alive])
    if run is None:
        st.info("There is nothing to vote on: no run has ended yet.", icon=":material/model_training:")
        links.to("train", "Train a model", icon=":material/model_training:")
        return
    pair = votes.next_pair(workspace, person, run.id)
    tally = votes.tally(workspace, run.id)
    kept = votes.kept_for_review(workspace, person, run.id)
    if kept:
        st.caption(
            f"{notice.counted(kept, 'pair')} of gate suites can be voted on when your part of the review is closed: "
            "a vote must not tell a reviewer whose answer is whose."
        )
    if pair is None and tally.votes == 0 and kept:
        return
    if pair is None and tally.votes == 0:
        st.info("This run has no answers that differ yet.", icon=":material/compare:")
        links.to("outputs", "Generate outputs", icon=":material/compare:", address={"run": run.id})
        return
    if pair is None:
        st.success("You have voted on every pair that is open to you.", icon=":material/check:")
    else:
        _ask(workspace, run.id, pair, person)
        st.caption("How the votes stand is shown when you have voted on all: it would tell whose answer is whose.")
    if tally.votes and pair is None:
        rate = "no pair is decided"
        if tally.win_rate is not None:
            rate = (
                f"the tuned model wins {tally.win_rate:.0%} of the decided pairs (95 % interval {tally.lower:.0%} to "
            )
            rate += f"{tally.upper:.0%})"
        st.caption(
            f"{tally.votes} votes on {tally.pairs} pairs: {tally.tuned} for the tuned model, {tally.base} for the "
            f"base, {tally.ties} ties, {tally.both_bad} both bad; {rate}. A pair counts once, as most of its "
            "voters say."
        )


def _ask(workspace: Workspace, run_id: str, pair: ReviewPair, person: str) -> None:
    record_card.show_prompt(pair.prompt)
    columns = st.columns(2, gap="medium")
    for column, name, text in zip(columns, ("A", "B"), (pair.a, pair.b), strict=True):
        with column:
            st.caption(f"Answer {name}")
            record_card.show_text(text or "")
    buttons = st.columns(len(_CHOICES))
    for n, (choice, label) in enumerate(_CHOICES.items()):
        # the key names the pair, so a press that arrives late can never count for the next one
        key = f"vote {choice} {pair.id}"
        if buttons[n].button(label, shortcut=str(n + 1), width="stretch", key=key):
            with notice.errors():
                votes.cast(workspace, run_id, pair.id, choice, voter=person)
                st.rerun()


if __name__ == "__main__":
    with notice.errors():
        render(state.workspace(), notice.person_needed())
