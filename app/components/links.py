"""Links between pages: a page that a role does not have is named, not linked."""

from __future__ import annotations

import streamlit as st
from streamlit.errors import StreamlitPageNotFoundError


def to(page: str, label: str, *, icon: str | None = None) -> None:
    """A link to the page in `views/PAGE.py`; its words alone where this person may not open it."""
    try:
        st.page_link(f"views/{page}.py", label=label, icon=icon)
    except StreamlitPageNotFoundError:
        st.caption(f"{label} (another role has that page)")
