"""The loop as a picture: its stages in a row, each with what is there, and the one that comes next marked."""

from __future__ import annotations

from typing import NamedTuple

import streamlit as st

from app.components import links, notice
from curator.overview import Counts
from schemas.annotation import RecordState

_HEIGHT = 158
"""Pixels of a stage: its name, its figure, and two lines of what that counts."""
_STYLE = """<style>
[class*=st-key-stage-] { padding: 0.6rem; overflow: hidden; position: relative }
[class*=st-key-stage-] [data-testid=stPageLink-NavLink] { padding-left: 0; padding-right: 0 }
[class*=st-key-stage-]:not(.st-key-stage-decide)::after {
  content: "→"; position: absolute; right: 0.6rem; top: 3rem; opacity: 0.5
}
</style>"""


class Stage(NamedTuple):
    """One stage of the loop."""

    page: str
    """Of `views/`."""
    name: str
    figure: str
    meaning: str
    """What the figure counts."""


def stages(counts: Counts) -> list[Stage]:
    """Every stage with what is there now."""
    states = counts.by_state
    waiting, accepted = states[RecordState.WAITING], states[RecordState.ACCEPTED]
    undecided = states[RecordState.CONFLICT] + states[RecordState.FLAGGED]
    return [
        Stage("import_data", "Import", f"{counts.records:,}", _noun(counts.records, "record")),
        Stage("annotate", "Annotate", f"{waiting:,}", "waiting"),
        Stage("adjudicate", "Adjudicate", f"{undecided:,}", "to decide"),
        Stage("versions", "Freeze", f"{accepted:,}", "accepted"),
        Stage("train", "Train", f"{counts.runs_done:,}", f"{_noun(counts.runs_done, 'run')} done"),
        Stage("outputs", "Generate", f"{counts.outputs:,}", _noun(counts.outputs, "output")),
        Stage("decide", "Decide", counts.last_decision or "none", "last decision"),
    ]


def next_step(counts: Counts) -> tuple[str, str]:
    """The page of the next step, and the step in words."""
    if not counts.records:
        return "import_data", "Import a file"
    undecided = counts.by_state[RecordState.CONFLICT] + counts.by_state[RecordState.FLAGGED]
    if undecided:
        return "adjudicate", f"Decide {notice.counted(undecided, 'record')} in conflict or flagged"
    waiting = counts.by_state[RecordState.WAITING]
    if waiting:
        return "annotate", f"Annotate: {notice.counted(waiting, 'record')} {'waits' if waiting == 1 else 'wait'}"
    if not counts.versions:
        accepted = notice.counted(counts.by_state[RecordState.ACCEPTED], "accepted record")
        return "versions", f"Freeze the {accepted} into a version"
    if not counts.runs_done:
        return "train", "Fine-tune a model on a version"
    if not counts.outputs:
        return "outputs", "Let the tuned model answer a suite"
    return "review", "Review what the tuned model says"


def show(counts: Counts, *, with_links: bool) -> None:
    """Draw the stages in a row; `with_links` lets each lead to its page."""
    st.html(_STYLE)
    there = stages(counts)
    page, step = next_step(counts)
    for column, stage in zip(st.columns(len(there), gap="small"), there, strict=True):
        with column, st.container(border=True, height=_HEIGHT, gap="small", key=f"stage-{stage.page}"):
            if with_links:
                links.to(stage.page, stage.name, says_why=False)
            else:
                st.markdown(stage.name)
            st.markdown(f"#### {stage.figure}" if stage.figure[0].isdigit() else f"**{stage.figure}**")
            st.caption(stage.meaning + (" :blue[● next]" if stage.page == page else ""))
    if with_links:
        links.to(page, f"Next step: {step}", icon=":material/arrow_forward:")


def _noun(n: int, noun: str) -> str:
    return noun if n == 1 else f"{noun}s"
