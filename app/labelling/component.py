"""Mounts the labelling screen in a page. Typing and submitting never redraw the page: the screen calls the routes.

The browser loads the screen's modules as they are written, from this server and with no build step. Their address
holds a hash of their content, so a browser keeps them for good and never mixes the modules of two releases.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import streamlit as st

ASSETS = Path(__file__).with_name("assets")


def _content_hash(folder: Path) -> str:
    """First twelve hexadecimal digits of a hash of every file below a folder, names included."""
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{file.relative_to(folder).as_posix()}\0{file.stat().st_size}\0".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


ASSETS_PATH = f"/assets/labelling/{_content_hash(ASSETS)}"

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
        key=f"labelling {project_id} {person.encode().hex()}",  # Streamlit refuses a key with two underscores
    )
