"""Curves of a run: loss, learning rate, gradient norm and speed, smoothed on request, thinned to stay quick to draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import altair as alt
import pandas as pd
import streamlit as st

from schemas.run import MetricRow

_NATS = "nats per response token"
_SCORE = "score"
_POINTS = 400
"""Most points of a curve; a longer one shows means over neighbouring steps."""
_DOTTED = 40
"""Points up to which each is drawn as a dot."""
_SECONDARY = {
    "learning rate": "learning_rate",
    "gradient norm": "gradient_norm",
    "tokens per second": "speed",
}


class _Manner(NamedTuple):
    """How losses are drawn."""

    is_log: bool
    smoothing: float
    """Share of each point that comes from the points before it; 0 draws what was measured."""


def show(rows: Sequence[MetricRow]) -> None:
    """All curves of one run."""
    frame = _frame(rows)
    manner = _choose_manner()
    _draw(_losses(frame, manner), _NATS, height=280, colour="split", is_log=manner.is_log)
    if manner.smoothing:
        st.caption("Training is smoothed: each point is a mean that weighs recent steps most. Validation is not.")
    if len(frame) > _POINTS:
        st.caption(f"Each point is the mean of about {len(frame) // _POINTS} steps; validation is shown as measured.")
    task = _task(rows)
    if not task.empty:
        st.caption("Answers to validation prompts while it learns, greedily: share that is right, and F1 over words")
        _draw(task, _SCORE, height=220, colour="measure")
    columns = st.columns(len(_SECONDARY))
    for column, (title, name) in zip(columns, _SECONDARY.items(), strict=True):
        with column:
            st.caption(title)
            _draw(_thin(frame[["step", name]].dropna()), name, height=150)


def show_beside(runs: Mapping[str, Sequence[MetricRow]]) -> None:
    """Training and validation loss of several runs in one picture."""
    manner = _choose_manner()
    parts = []
    for name, rows in runs.items():
        if rows:
            long = _losses(_frame(rows), manner)
            long["split"] = name + ", " + long["split"]
            parts.append(long)
    if parts:
        _draw(pd.concat(parts), _NATS, height=320, colour="split", is_log=manner.is_log)


def _choose_manner() -> _Manner:
    row = st.container(horizontal=True, vertical_alignment="center", gap="medium")
    is_log = row.toggle("Log scale", key="log scale", persist_state="session")
    smoothing = row.slider(
        "Smoothing", 0.0, 0.95, 0.0, 0.05, key="smoothing", width=220, persist_state="session",
        help="Of the training loss: share of each point that comes from the points before it",
    )  # fmt: skip
    return _Manner(is_log, smoothing)


def _draw(points: pd.DataFrame, name: str, *, height: int, colour: str | None = None, is_log: bool = False) -> None:
    """A line through the points; few of them are drawn as dots as well, since a line through one is not seen."""
    if is_log:
        points = points[points[name] > 0]
    if points.empty:
        st.caption("Nothing is measured yet that a log scale can show." if is_log else "Nothing is measured yet.")
        return
    y_title = {_NATS: "nats per token", _SCORE: "score"}.get(name, "")
    scale = alt.Scale(type="log", nice=False) if is_log else alt.Scale(zero=False)
    if name == _SCORE:
        scale = alt.Scale(domain=[0, 1])
    chart = alt.Chart(points).mark_line(point=len(points) <= _DOTTED).encode(
        x=alt.X("step", type="quantitative", axis=alt.Axis(tickMinStep=1, format="d")),
        y=alt.Y(name, type="quantitative", title=y_title, scale=scale, axis=alt.Axis(format=".4~g")),
    )  # fmt: skip
    if colour:
        legend = alt.Legend(orient="bottom", title=None, labelLimit=400, columns=2)
        chart = chart.encode(color=alt.Color(colour, type="nominal", legend=legend))
    st.altair_chart(chart, height=height)


def _frame(rows: Sequence[MetricRow]) -> pd.DataFrame:
    names = ("step", "loss", "validation_nll", "learning_rate", "gradient_norm", "tokens", "seconds")
    frame = pd.DataFrame({name: [getattr(row, name) for row in rows] for name in names})
    for name in names[1:]:
        frame[name] = pd.to_numeric(frame[name])
    frame["speed"] = frame["tokens"] / frame["seconds"].diff().where(lambda seconds: seconds > 0)
    return frame


def _losses(frame: pd.DataFrame, manner: _Manner) -> pd.DataFrame:
    """Training and validation loss, one row per point and split."""
    training = frame[["step", "loss"]].dropna()
    training = _thin(training.assign(loss=_smooth(training["loss"], manner.smoothing)))
    validation = frame[["step", "validation_nll"]].dropna()
    parts = (("training", training), ("validation", validation))
    return pd.concat([part.set_axis(["step", _NATS], axis=1).assign(split=split) for split, part in parts])


def _task(rows: Sequence[MetricRow]) -> pd.DataFrame:
    """What the answers of the model were worth, one row per point and measure."""
    asked = [(row.step, row.task) for row in rows if row.task is not None]
    points = [(step, task.exact_match, "exact match") for step, task in asked]
    points += [(step, task.token_f1, "token F1") for step, task in asked]
    return pd.DataFrame(points, columns=["step", _SCORE, "measure"])


def _smooth(values: pd.Series[float], share: float) -> pd.Series[float]:
    """Exponential mean whose weights sum to 1 from the first point on."""
    return values.ewm(alpha=1 - share, adjust=True).mean() if share and len(values) else values


def _thin(frame: pd.DataFrame) -> pd.DataFrame:
    """At most `_POINTS` rows, each the mean of as many neighbours."""
    if len(frame) <= _POINTS:
        return frame
    size = -(-len(frame) // _POINTS)
    return frame.groupby([n // size for n in range(len(frame))]).mean()
