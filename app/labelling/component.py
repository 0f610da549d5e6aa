"""Mounts the labelling screen in a page. Typing and submitting never redraw the page: the screen calls the routes."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

ASSETS = Path(__file__).with_name("assets")
ASSETS_PATH = "/assets/labelling"

# The modules are fetched from this server; what is registered here only starts them.
_START = f"""
const address = new URL("{ASSETS_PATH}/screen.js", window.location.href).href
export default function (component) {{
  let mounted = null
  let gone = false
  import(address).then((screen) => {{ if (!gone) mounted = screen.mount(component.parentElement, component.data) }})
  return () => {{ gone = true; mounted?.leave() }}
}}
"""

_screen = st.components.v2.component(
    "curator_labelling",
    html="<div class='labelling' aria-live='off'></div>",
    css=(ASSETS / "screen.css").read_text(encoding="utf-8"),
    js=_START,
    isolate_styles=False,  # keys typed behind a shadow root look to the page like keys typed nowhere
)


def show(*, project_id: int, person: str, message: str | None = None) -> None:
    """Draw the screen for one person in one project; `message` is shown once, as what happened before."""
    _screen(
        data={"project": project_id, "person": person, "message": message},
        key=f"labelling {project_id} {person}",
    )
