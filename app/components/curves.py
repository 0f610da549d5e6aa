"""Curves of a run: loss, learning rate, gradient norm and speed, thinned so that long runs stay quick to draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt
import pandas as pd
import streamlit as st

from schemas.run import MetricRow

_POINTS = 400
"""Most points of a curve; a longer one shows means over neighbouring steps."""
_DOTTED = 40
"""Points up to which each is drawn as a dot."""
_SECONDARY = {
    "learning rate": "learning_rate",
    "gradient norm": "gradient_norm",
    "tokens per second": "speed",
}


def show(rows: Sequence[MetricRow]) -> None:
    """All curves of one run."""
    frame = _frame(rows)
    losses = _long(frame, {"training": "loss", "validation": "validation_nll"})
    _draw(losses, "nats per response token", height=280, colour="split")
    if len(frame) > _POINTS:
        st.caption(f"Each point is the mean of about {len(frame) // _POINTS} steps; validation is shown as measured.")
    columns = st.columns(len(_SECONDARY))
    for column, (title, name) in zip(columns, _SECONDARY.items(), strict=True):
        with column:
            st.caption(title)
            _draw(_thin(frame[["step", name]].dropna()), name, height=150)


def show_beside(runs: Mapping[str, Sequence[MetricRow]]) -> None:
    """Training and validation loss of several runs in one picture."""
    parts = []
    for name, rows in runs.items():
        if rows:
            long = _long(_frame(rows), {"training": "loss", "validation": "validation_nll"})
            long["split"] = name + " " + long["split"]
            parts.append(long)
    if parts:
        _draw(pd.concat(parts), "nats per response token", height=320, colour="split")


def _draw(points: pd.DataFrame, name: str, *, height: int, colour: str | None = None) -> None:
    """A line through the points; few of them are drawn as dots as well, since a line through one is not seen."""
    if points.empty:
        st.caption("Nothing is measured yet.")
        return
    y_title = name if colour else ""
    chart = alt.Chart(points).mark_line(point=len(points) <= _DOTTED).encode(
        x=alt.X("step", type="quantitative", axis=alt.Axis(tickMinStep=1)),
        y=alt.Y(name, type="quantitative", title=y_title, scale=alt.Scale(zero=False)),
    )  # fmt: skip
    if colour:
        legend = alt.Legend(orient="bottom", title=None)
        chart = chart.encode(color=alt.Color(colour, type="nominal", legend=legend))
    st.altair_chart(chart, height=height)


def _frame(rows: Sequence[MetricRow]) -> pd.DataFrame:
    names = ("step", "loss", "validation_nll", "learning_rate", "gradient_norm", "tokens", "seconds")
    frame = pd.DataFrame({name: [getattr(row, name) for row in rows] for name in names})
    for name in names[1:]:
        frame[name] = pd.to_numeric(frame[name])
    frame["speed"] = frame["tokens"] / frame["seconds"].diff().where(lambda seconds: seconds > 0)
    return frame


def _long(frame: pd.DataFrame, curves: Mapping[str, str]) -> pd.DataFrame:
    parts = []
    for split, name in curves.items():
        part = frame[["step", name]].dropna()
        part = part if split == "validation" else _thin(part)
        parts.append(part.rename(columns={name: "nats per response token"}).assign(split=split))
    return pd.concat(parts)


def _thin(frame: pd.DataFrame) -> pd.DataFrame:
    """At most `_POINTS` rows, each the mean of as many neighbours."""
    if len(frame) <= _POINTS:
        return frame
    size = -(-len(frame) // _POINTS)
    return frame.groupby([n // size for n in range(len(frame))]).mean()
