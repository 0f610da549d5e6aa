"""Links between pages: a page that a role does not have is named, not linked."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st
from streamlit.errors import StreamlitPageNotFoundError

from app import state


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
