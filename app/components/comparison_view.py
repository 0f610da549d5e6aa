"""Two versions or two imports side by side: the counts, the texts that changed, and how both are made up."""

from __future__ import annotations

import altair as alt
import pandas as pd
import streamlit as st

from app import state
from app.components import diff_view, links, notice, record_card
from schemas.comparison import Change, ChangedRow, Comparison, Distribution, RowText

_TITLES: dict[Change, str] = {
    "added": "Added",
    "removed": "Removed",
    "edited": "Edited",
    "relabelled": "Relabelled",
    "moved": "Moved",
}
_HELP = {
    "added": "Only in the second",
    "removed": "Only in the first",
    "edited": "In both, with another text",
    "relabelled": "The same text with other labels or groups",
    "moved": "In another split",
}
_BARS = 12
_SIDES = ["before", "after"]


def show(compared: Comparison) -> None:
    """All of a comparison."""
    shown = [each for each in _TITLES if each != "moved" or compared.kind == "versions"]
    with st.container(horizontal=True):
        st.metric("The same", f"{compared.same:,}", border=True, help="In both, with the same text")
        for change in shown:
            st.metric(_TITLES[change], f"{getattr(compared, change):,}", border=True, help=_HELP[change])
    if compared.kind == "imports" and compared.paired_by:
        ways = ", ".join(f"{count:,} by their {way}" for way, count in compared.paired_by.items())
        st.caption(f"Edited rows were paired: {ways}.")
    if compared.compared_labels is not None:
        st.caption(f"Labels were compared for {compared.compared_labels:,} rows drawn from those that are the same.")
    if not compared.examples:
        st.success("Both hold the same rows with the same labels.", icon=":material/check:")
    else:
        _show_rows(compared, [each for each in shown if each in compared.examples])
    st.subheader("How both are made up", anchor=False)
    _show_distributions(compared)


def _show_rows(compared: Comparison, changes: list[Change]) -> None:
    titles = {str(each): f"{_TITLES[each]} ({getattr(compared, each):,})" for each in changes}
    chosen = (
        state.one_of("change", changes, label="Rows that were", nothing=titles[changes[0]], shown=titles) or changes[0]
    )
    change = next(each for each in changes if each == chosen)
    rows = compared.examples[change]
    total = getattr(compared, change)
    if len(rows) < total:
        st.caption(f"{len(rows)} of {total:,} are shown.")
    for n, row in enumerate(rows):
        only = row.after or row.before
        assert only is not None
        with st.expander(notice.plain(notice.excerpt(only.context, 100)), expanded=n == 0):
            _show_row(row)


def _show_row(row: ChangedRow) -> None:
    before, after = row.before, row.after
    if before is None or after is None:
        only = after or before
        assert only is not None
        record_card.show_text(only.context)
        st.caption("Response")
        record_card.show_text(only.response)
    elif row.change == "edited":
        diff_view.show_open(before.context, after.context)
        st.caption("Response")
        diff_view.show_open(before.response, after.response)
    else:
        record_card.show_text(after.context)
        st.caption("Response")
        record_card.show_text(after.response)
    if before is not None and after is not None:
        for name, was, now in (
            ("Split", before.split or "", after.split or ""),
            ("Labels", _said(before), _said(after)),
        ):
            if was != now:
                st.markdown(
                    f"{name}: ~~{notice.plain(was) or 'none'}~~ :green-background[{notice.plain(now) or 'none'}]"
                )
    sources = " → ".join(dict.fromkeys(notice.plain(each.source) for each in (before, after) if each is not None))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"From {sources}")
        for record_id in row.record_ids:
            links.to("records", f"Record {record_id}", icon=":material/search:", address={"record": record_id})


def _said(text: RowText) -> str:
    labels = [f"{name}: {value}" for name, value in sorted(text.labels.items())]
    return ", ".join([*labels, *(f"group {each}" for each in text.groups)])


def _show_distributions(compared: Comparison) -> None:
    alike = [each for each in compared.distributions if len(each.bars) == 1 and each.name != "rule"]
    if alike:
        st.caption("; ".join(f"{each.name} of all: {notice.plain(each.bars[0].value)}" for each in alike))
    looked_at = [each for each in compared.distributions if each.bars and each not in alike]
    columns = st.columns(2)
    for n, each in enumerate(looked_at):
        with columns[n % 2]:
            st.markdown(f"**{each.name[0].upper()}{each.name[1:]}**")
            st.altair_chart(_chart(each), width="stretch")
            st.caption(_note(compared, each))


def _note(compared: Comparison, each: Distribution) -> str:
    if each.name == "rule":
        return (
            f"Shares of the rows that changed: {each.before:,} that went and {each.after:,} that came were asked. "
            "Rules say the same about all others."
        )
    few = (each.before, each.after) != (compared.before.rows, compared.after.rows)
    drawn = f" A sample of {each.before:,} and {each.after:,} was drawn." if few else ""
    rest = (
        f" {len(each.bars) - _BARS} smaller ones are left out." if len(each.bars) > _BARS and _is_by_size(each) else ""
    )
    return f"Shares of all rows.{drawn}{rest}"


def _is_by_size(each: Distribution) -> bool:
    return not each.name.endswith("characters") and each.name != "responses"


def _chart(each: Distribution) -> alt.Chart:
    bars = each.bars[:_BARS] if _is_by_size(each) else each.bars
    rows = [
        {"value": bar.value or "none", "side": side, "share": count / total if total else 0.0, "rows": count}
        for bar in bars
        for side, count, total in (("before", bar.before, each.before), ("after", bar.after, each.after))
    ]
    order = [bar.value or "none" for bar in bars]
    chart: alt.Chart = (
        alt.Chart(pd.DataFrame(rows))
        .mark_bar()
        .encode(
            y=alt.Y("value:N", sort=order, title=None, axis=alt.Axis(labelLimit=180)),
            x=alt.X("share:Q", title=None, axis=alt.Axis(format="%")),
            yOffset=alt.YOffset("side:N", sort=_SIDES),
            color=alt.Color("side:N", sort=_SIDES, title=None, legend=alt.Legend(orient="top")),
            tooltip=["value:N", "side:N", alt.Tooltip("rows:Q", format=","), alt.Tooltip("share:Q", format=".1%")],
        )
        .properties(height=alt.Step(11))
    )
    return chart
