"""What only the browser can do: keep the typed name for the next visit, lead Back to the page before, and fold the
sidebar of a narrow window.
"""

from __future__ import annotations

from urllib.parse import quote

import streamlit as st

from app import identity

_NARROW = 900
"""Pixels below which a page needs the whole width."""

_YEAR = 365 * 24 * 3600

_SCRIPT = f"""
// What a page adds to its address by itself is not a step of the person, who wants Back to lead to the page before.
function isAddition(url) {{
  const [from, to] = [new URL(location.href), new URL(url, location.href)]
  const stays = ([name, value]) => name === "person" || to.searchParams.get(name) === value
  return from.pathname === to.pathname && [...from.searchParams].every(stays)
}}
const push = history.pushState.bind(history)
history.pushState = (state, title, url) =>
  url && isAddition(url) ? history.replaceState(state, title, url) : push(state, title, url)

let folded = false
export default function ({{ data }}) {{
  document.cookie = `${{data.cookie}}; Path=/; SameSite=Strict; Max-Age=${{data.cookie.endsWith("=") ? 0 : {_YEAR}}}`
  if (folded || window.innerWidth >= {_NARROW}) return
  document.querySelector("[data-testid=stSidebarCollapseButton] button[aria-expanded=true]")?.click()
  folded = true
}}
"""

_hands = st.components.v2.component("curator_browser", html="<span></span>", js=_SCRIPT)

_STYLE = f"""<style>
.stMainBlockContainer {{ padding-top: 3.25rem; padding-bottom: 3rem }}
[data-testid=stSidebarHeader] {{ height: 2.5rem; margin-bottom: 0 }}
.stMain [data-testid=stColumn] [data-testid=stPageLink-NavLink] {{ padding-left: 0 }}
[data-testid=stFileUploaderDropzoneInstructions] {{ visibility: hidden }}
@media (max-width: {_NARROW}px) {{
  .stMainBlockContainer {{ padding-left: 1.25rem; padding-right: 1.25rem }}
  .stMain [data-testid=stHorizontalBlock] {{ flex-wrap: wrap }}
  .stMain [data-testid=stColumn] {{ min-width: 9.5rem }}
  [data-testid=stNumberInputStepUp], [data-testid=stNumberInputStepDown] {{ display: none }}
}}
</style>"""


def prepare(person: str) -> None:
    """Lay the page out for the width of its window, and keep the name of the person in this browser."""
    st.html(_STYLE)
    with st.sidebar:
        _hands(data={"cookie": f"{identity.NAME_COOKIE}={quote(person)}"}, key="browser", height=1)
