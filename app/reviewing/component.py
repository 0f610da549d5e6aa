"""Mounts the pane in a page. A verdict is stored by a route, so no redraw of the page can lose one."""

from __future__ import annotations

import streamlit as st

from app.labelling.component import ASSETS, ASSETS_PATH

# The modules are fetched from this server; what is registered here only starts them.
_START = f"""
const address = new URL("{ASSETS_PATH}/review/pane.js", window.location.href).href
export default function (component) {{
  let mounted = null
  let gone = false
  const finished = () => component.setTriggerValue("finished", true)
  const start = {{ ...component.data, finished }}
  import(address).then((pane) => {{ if (!gone) mounted = pane.mount(component.parentElement, start) }})
  return () => {{ gone = true; mounted?.leave() }}
}}
"""

_pane = st.components.v2.component(
    "curator_review",
    html="<div class='labelling judging'></div>",
    css="".join((ASSETS / name).read_text(encoding="utf-8") for name in ("screen.css", "review/pane.css")),
    js=_START,
    isolate_styles=False,  # keys typed behind a shadow root look to the page like keys typed nowhere
)


def show(*, system: str, person: str) -> None:
    """Draw the pane for one person and one run or system. The page is drawn anew once nothing is left for them."""
    _pane(
        data={"system": system, "person": person},
        key=f"review {system} {person.encode().hex()}",  # Streamlit refuses a key with two underscores
        on_finished_change=_drawn_anew,
    )


def _drawn_anew() -> None:
    """Nothing to do: the page reads the database anyway."""
