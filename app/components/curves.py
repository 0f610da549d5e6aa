"""Curves of a run: loss, learning rate, gradient norm and speed, thinned so that long runs stay quick to draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from schemas.run import MetricRow

_POINTS = 400
"""Most points of a curve; a longer one shows means over neighbouring steps."""
_SECONDARY = {
    "learning rate": "learning_rate",
    "gradient norm": "gradient_norm",
    "tokens per second": "speed",
}


def show(rows: Sequence[MetricRow]) -> None:
    """All curves of one run."""
    frame = _frame(rows)
    losses = _long(frame, {"training": "loss", "validation": "validation_nll"})
    st.line_chart(losses, x="step", y="nats per response token", color="split", height=280)
    if len(frame) > _POINTS:
        st.caption(f"Each point is the mean of about {len(frame) // _POINTS} steps; validation is shown as measured.")
    columns = st.columns(len(_SECONDARY))
    for column, (title, name) in zip(columns, _SECONDARY.items(), strict=True):
        with column:
            st.caption(title)
            st.line_chart(_thin(frame[["step", name]].dropna()), x="step", y=name, height=150, y_label="")


def show_beside(runs: Mapping[str, Sequence[MetricRow]]) -> None:
    """Training and validation loss of several runs in one picture."""
    parts = []
    for name, rows in runs.items():
        if rows:
            long = _long(_frame(rows), {"training": "loss", "validation": "validation_nll"})
            long["split"] = name + " " + long["split"]
            parts.append(long)
    if parts:
        st.line_chart(pd.concat(parts), x="step", y="nats per response token", color="split", height=320)


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
