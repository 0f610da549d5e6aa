"""Record losses: which records a run learnt, which it did not, and which deserve a second look by a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import altair as alt
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import state
from app.components import links, notice, pickers
from curator import Workspace, runs
from curator.annotate import ask_again
from curator.runs.losses import record_histories
from schemas.losses import LossDoubt, RecordHistory
from schemas.run import Run

_SHOWN = 500
_DOUBTFUL, _PLAIN = "worth a second look", "others"
_COLOURS = {_DOUBTFUL: "#e8772e", _PLAIN: "#5b8db8"}
# The others are told about the record that is chosen.
_SHOWN_COLUMNS = ("why", "before", "last epoch", "after", "tokens", "split", "instruction", "response")
_EXPLAINED = {
    "worse": "the loss rose",
    "not learnt": "among the 5 % largest after training, and more than half of what it was",
    "forgotten again": "rose again between epochs at least twice",
    "contradicted": "the same prompt has another response elsewhere",
}


def render(workspace: Workspace, person: str) -> None:
    """Choose a run, filter its records, look at one, send it back."""
    st.title("Record losses", anchor=False)
    measured = {run.id: run for run in runs.watch(workspace) if runs.ledger(workspace, run.id)}
    if not measured:
        st.info("No run has measured single records yet.", icon=":material/model_training:")
        links.to("train", "Train one", icon=":material/model_training:")
        return
    run = pickers.choose_run(list(measured.values()))
    if run is None:
        return
    histories = _histories(workspace, run)
    kept = _filtered(histories)
    if not kept:
        st.info("No record passes these filters.", icon=":material/filter_alt_off:")
        return
    _chart(kept)
    st.caption(
        f"{len(kept):,} of {len(histories):,} records, the doubtful ones first. Loss in nats per response token: "
        "before, in the training step of the last epoch, and after (where that was not measured: in the steps of the "
        "first and the last epoch). A large loss is a hint: the record may be wrong, rare or long-winded."
    )
    listed = [each.row_id for each in kept[:_SHOWN]]
    linked = state.in_address("row") or state.recall("row linked")
    state.remember("row linked", linked)
    event = st.dataframe(
        [_line(each) for each in kept[:_SHOWN]],
        hide_index=True,
        selection_default={"selection": {"rows": [n for n, row_id in enumerate(listed) if row_id == linked]}},
        key=f"losses {run.id} {linked}",
        width="stretch",
        on_select="rerun",
        selection_mode="single-row",
        column_order=_SHOWN_COLUMNS,
        column_config={
            "why": st.column_config.TextColumn(width=150),
            "instruction": st.column_config.TextColumn(width=230),
            "response": st.column_config.TextColumn(width=130),
            **{
                name: st.column_config.NumberColumn(format="%.3f", width=80)
                for name in ("before", "last epoch", "after")
            },
        },
    )
    if len(kept) > _SHOWN:
        st.caption(f"The first {_SHOWN} are listed; filter to see others.")
    picked = kept[event.selection.rows[0]] if event.selection.rows else kept[0]
    if event.selection.rows:
        state.put_in_address("row", picked.row_id)
    _one(workspace, picked, person)


def _histories(workspace: Workspace, run: Run) -> list[RecordHistory]:
    known = state.recall("histories")
    mark = (run.id, run.state, run.ended_at)
    if isinstance(known, tuple) and known[0] == mark:
        return list(known[1])
    histories = record_histories(workspace, run)
    state.remember("histories", (mark, histories))
    return histories


def _filtered(histories: Sequence[RecordHistory]) -> list[RecordHistory]:
    columns = st.columns(5)
    offered = {
        "why": ("Why", "any or none", get_args(LossDoubt)),
        "split": ("Split", "all", sorted({each.split.value for each in histories})),
        "annotator": ("Annotator", "all", sorted({name for each in histories for name in each.people})),
        "source": ("Source", "all", sorted({each.source for each in histories})),
        "label": (
            "Label",
            "all",
            sorted({f"{key}={value}" for each in histories for key, value in each.labels.items()}),
        ),
    }
    doubts, splits, people, sources, labels = (
        _in(column, name, *of_it) for column, (name, of_it) in zip(columns, offered.items(), strict=True)
    )
    return [
        each
        for each in histories
        if (not doubts or set(doubts) & set(each.doubts))
        and (not splits or each.split in splits)
        and (not people or set(people) & set(each.people))
        and (not sources or each.source in sources)
        and (not labels or any(f"{key}={value}" in labels for key, value in each.labels.items()))
    ]


def _in(column: DeltaGenerator, name: str, title: str, nothing: str, options: Sequence[str]) -> list[str]:
    with column:
        return state.several(name, options, label=title, nothing=nothing)


def _chart(histories: Sequence[RecordHistory]) -> None:
    points = [
        {"before": each.before, "after": each.after, "record": _DOUBTFUL if each.doubts else _PLAIN,
         "instruction": each.instruction[:80]}
        for each in histories
        if each.before is not None and each.after is not None
    ]  # fmt: skip
    if points:
        colours = alt.Scale(domain=list(_COLOURS), range=list(_COLOURS.values()))
        chart = alt.Chart(pd.DataFrame(points)).mark_circle(size=50, opacity=0.7).encode(
            x=alt.X("before", type="quantitative"),
            y=alt.Y("after", type="quantitative"),
            color=alt.Color("record", type="nominal", scale=colours, legend=alt.Legend(orient="top", title=None)),
            tooltip=["instruction", "before", "after"],
        )  # fmt: skip
        st.altair_chart(chart, height=260)
        st.caption("Each point is a record: its loss before and after, in nats per response token.")


def _line(each: RecordHistory) -> dict[str, object]:
    return {
        "why": ", ".join(each.doubts),
        "before": each.before,
        "last epoch": each.last,
        "after": each.after,
        "tokens": each.tokens,
        "split": each.split.value,
        "instruction": each.instruction[:80],
        "response": each.response[:80],
        "people": ", ".join(each.people),
        "source": each.source,
        "record": ", ".join(each.record_ids) or "deleted",
    }


def _one(workspace: Workspace, each: RecordHistory, person: str) -> None:
    ids = ", ".join(each.record_ids) or "deleted"
    st.subheader(notice.plain(notice.excerpt(each.instruction)), anchor=False, help=f"Record {ids}, row {each.row_id}")
    people = notice.plain(", ".join(each.people))
    origin = f"Annotated by {people}" if people else "Accepted without an annotator"
    st.caption(f"{origin}; from {notice.plain(each.source)}")
    columns = st.columns(2)
    with columns[0]:
        st.caption("Instruction")
        st.code(each.instruction, language=None, wrap_lines=True)
        st.caption("Response")
        st.code(each.response, language=None, wrap_lines=True)
    with columns[1]:
        measured = [
            ("before", each.base),
            *((f"epoch {n}", nll) for n, nll in enumerate(each.epochs, 1)),
            ("after", each.tuned),
        ]
        st.dataframe(
            [{"when": when, "nats per token": nll} for when, nll in measured if nll is not None],
            hide_index=True,
            width="stretch",
            height=min(300, 36 * (len(measured) + 1)),
        )
        for doubt in each.doubts:
            st.markdown(f"**{doubt}**: {_EXPLAINED[doubt]}")
        reason = st.text_input("Reason", ", ".join(each.doubts), key=f"reason {each.row_id}")
        if not each.record_ids:
            st.info("The record was deleted since the version was frozen.")
        elif st.button("Back to the annotators", type="primary", help="It comes before everything else in the queue"):
            with notice.errors():
                for record_id in each.record_ids:
                    ask_again.send_back(workspace, record_id, reason=reason, actor=person)
                st.success("It waits in the queue, before all others.", icon=":material/check:")


if __name__ == "__main__":
    with notice.errors():
        render(state.workspace(), notice.person_needed())
