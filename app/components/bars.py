"""Bars that lead to the records behind them: pressed in the plot, or as links for the keyboard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import altair as alt
import pandas as pd
import streamlit as st

from app.components import links, notice
from schemas.query import RecordQuery

_ROW = 26
"""Pixels of a bar that lies."""
_STANDING = 220
"""Pixels of a plot whose bars stand."""
_LABEL = 34
_THOUSANDS = "format(datum.value, ',')"


class Bar(NamedTuple):
    """How many records have something in common."""

    label: str
    records: int
    query: RecordQuery | None
    """Which ones; None where no filter tells them."""


def lying(name: str, title: str, bars: Sequence[Bar], *, total: int) -> None:
    """Bars beside their names, the longest first; for values without an order."""
    if not bars:
        return
    st.markdown(f"**{title}**")
    frame = _frame(bars, total)
    order = list(frame["label"])
    base = alt.Chart(frame).encode(
        y=alt.Y("label:N", sort=order, title=None, axis=alt.Axis(labelLimit=190, ticks=False, domain=False)),
        x=alt.X("records:Q", title=None, axis=None, scale=alt.Scale(domain=[0, 1.25 * max(1, frame["records"].max())])),
        tooltip=[alt.Tooltip("whole:N", title=title), alt.Tooltip("records:Q", format=","), "share:N"],
    )
    drawn = base.mark_bar(cornerRadiusEnd=3, height={"band": 0.72}, cursor="pointer")
    named = base.mark_text(align="left", dx=5, color=_ink()).encode(text="shown:N")
    _draw(name, drawn, named, bars, height=alt.Step(_ROW), about=title)


def standing(name: str, title: str, bars: Sequence[Bar], *, total: int, note: str = "") -> None:
    """Bars above their names, in the order in which they are given; for lengths."""
    if not bars:
        return
    st.markdown(f"**{title}**")
    frame = _frame(bars, total)
    base = alt.Chart(frame).encode(
        x=alt.X("label:N", sort=list(frame["label"]), title=None, axis=alt.Axis(labelAngle=-35, ticks=False)),
        y=alt.Y("records:Q", title=None, axis=alt.Axis(tickCount=4, labelExpr=_THOUSANDS, domain=False)),
        tooltip=[alt.Tooltip("whole:N", title=title), alt.Tooltip("records:Q", format=","), "share:N"],
    )
    drawn = base.mark_bar(cornerRadiusTopLeft=3, cornerRadiusTopRight=3, width={"band": 0.86}, cursor="pointer")
    _draw(name, drawn, None, bars, height=_STANDING, about=title)
    if note:
        st.caption(note)


def _frame(bars: Sequence[Bar], total: int) -> pd.DataFrame:
    rows = [
        {
            "place": place, "label": _short(each.label), "whole": each.label, "records": each.records,
            "share": _share(each.records, total), "shown": f"{each.records:,} · {_share(each.records, total)}",
        }
        for place, each in enumerate(bars)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _ink() -> str:
    """A colour for words that is read on the ground of light and dark pages."""
    return "#d6d5d0" if st.context.theme.type == "dark" else "#44433f"


def _short(label: str) -> str:
    """The end of a long name: file names differ there."""
    return label if len(label) <= _LABEL else "…" + label[1 - _LABEL :]


def _share(part: int, total: int) -> str:
    share = part / total if total else 0
    return "under 0.1 %" if 0 < share < 0.001 else f"{share:.1%}".replace("%", " %")


def _draw(
    name: str, drawn: alt.Chart, named: alt.Chart | None, bars: Sequence[Bar], *, height: int | alt.Step, about: str
) -> None:
    picked = alt.selection_point(name="picked", fields=["place"], on="click", clear=False)
    drawn = drawn.add_params(picked)
    layers = [drawn] if named is None else [drawn, named]
    chart = alt.layer(*layers).properties(height=height).configure_view(stroke=None)
    said = ", ".join(f"{each.label}: {each.records:,}" for each in bars[:8])
    event = st.altair_chart(
        chart, key=f"bars {name}", on_select="rerun", selection_mode="picked", alt=f"{about}. {said}"
    )
    points = event.selection.get("picked", []) if hasattr(event, "selection") else []
    if points and (query := bars[int(points[0]["place"])].query) is not None:
        links.go_to_records(query)
    linked = [each for each in bars if each.query is not None]
    if linked:
        with st.expander("As links", icon=":material/link:"), st.container(horizontal=True, gap="small"):
            for each in linked:
                assert each.query is not None
                links.to_records(each.query, f"{notice.plain(each.label)}: {each.records:,}")
