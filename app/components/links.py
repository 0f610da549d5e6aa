"""Links between pages: a page that a role does not have is named, not linked."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st
from streamlit.errors import StreamlitPageNotFoundError

from app import state
from curator.curate.query import format_query
from schemas.query import RecordQuery


def to(
    page: str, label: str, *, icon: str | None = None, address: Mapping[str, str] | None = None, says_why: bool = True
) -> None:
    """A link to the page in `views/PAGE.py`; its words alone where this person may not open it.

    `address` says what the page shows, as in `{"run": "..."}`, beside the project; `says_why` tells why there is no
    link. A link holds all of it, since it may be opened in another tab.
    """
    try:
        st.page_link(f"views/{page}.py", label=label, icon=icon, query_params=state.in_link() | dict(address or {}))
    except StreamlitPageNotFoundError:
        st.caption(f"{label} (another role has that page)" if says_why else label)


def to_records(query: RecordQuery, label: str, *, icon: str | None = None) -> None:
    """A link to the records that a query means."""
    to("records", label, icon=icon, address={"query": format_query(query)}, says_why=False)


def go_to_records(query: RecordQuery) -> None:
    """Open the records that a query means. Returns only where this person may not open them."""
    try:
        st.switch_page("views/records.py", query_params=state.in_link() | {"query": format_query(query)})
    except StreamlitPageNotFoundError:
        st.caption("Another role has the page Records.")
