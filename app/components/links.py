"""Links between pages: a page that a role does not have is named, not linked."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st
from streamlit.errors import StreamlitPageNotFoundError


def to(
    page: str, label: str, *, icon: str | None = None, address: Mapping[str, str] | None = None, says_why: bool = True
) -> None:
    """A link to the page in `views/PAGE.py`; its words alone where this person may not open it.

    `address` says what the page shows, as in `{"run": "..."}`; `says_why` tells why there is no link.
    """
    try:
        st.page_link(f"views/{page}.py", label=label, icon=icon, query_params=dict(address) if address else None)
    except StreamlitPageNotFoundError:
        st.caption(f"{label} (another role has that page)" if says_why else label)
