"""The only module that knows session-state keys and cached resources.

Facts live in the database; what stands here are choices on screen: who I am, which project, which run I look at.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from pathlib import Path

import streamlit as st
from starlette.requests import Request

from curator import Workspace, generation, open_workspace
from curator.settings import load
from curator.store import projects
from schemas.project import Project

WORKSPACE_VARIABLE = "CURATOR_WORKSPACE"

_PERSON = "person"
_PROJECT = "project"


@functools.cache  # routes beside the pages use it too, where Streamlit's caches have no session to work in
def _open(folder: str) -> Workspace:
    return open_workspace(Path(folder), create=True, settings=load(workspace=Path(folder)))


@st.cache_resource(show_spinner="Loading both models", max_entries=1)
def models(folder: str, run_id: str) -> generation.Pair:
    """Base and tuned model of a run; those of the run asked for last stay in memory."""
    return generation.load_pair(_open(folder), run_id)


def workspace() -> Workspace:
    """The workspace that this server serves."""
    return _open(os.environ.get(WORKSPACE_VARIABLE, "workspace"))


def person() -> str | None:
    """Name of whoever sits at this browser, or None before they said it."""
    return st.session_state.get(_PERSON) or None


def person_of(_request: Request, given: str) -> str | None:
    """Who sends a request to a route beside the pages; None when that is not known."""
    return given.strip() or None


def project() -> Project:
    """The project that this browser works in."""
    with workspace().read() as connection:
        chosen = st.session_state.get(_PROJECT)
        known = {each.name: each for each in projects.all_projects(connection)}
    return known.get(chosen or "") or next(iter(known.values()))


def choose_in_sidebar() -> None:
    """Draw the sidebar: who I am and, where there is a choice, which project."""
    if _PERSON not in st.session_state:
        st.session_state[_PERSON] = st.query_params.get(_PERSON, "")  # the address keeps the name over a reload
    with st.sidebar:
        st.text_input(
            "Your name", key=_PERSON, placeholder="Stands beside everything you decide", persist_state="session"
        )
        with workspace().read() as connection:
            names = [each.name for each in projects.all_projects(connection)]
        if len(names) > 1:
            st.selectbox("Project", names, key=_PROJECT)
    if st.session_state[_PERSON]:
        st.query_params[_PERSON] = st.session_state[_PERSON]


def chosen(name: str, options: list[str], *, label: str, shown: Mapping[str, str] | None = None) -> str | None:
    """A choice among `options` that survives a change of page; None when there is nothing to choose from.

    `shown` gives the words for an option where they differ from it.
    """
    if not options:
        return None
    key, kept = f"chosen {name}", st.session_state.get(f"kept {name}")
    if st.session_state.get(key) not in options:
        st.session_state[key] = kept if kept in options else options[0]
    value = st.selectbox(label, options, key=key, format_func=lambda option: (shown or {}).get(option, option))
    st.session_state[f"kept {name}"] = value  # the key itself goes when the page is left
    return value


def choose(name: str, value: str) -> None:
    """Make `value` what `chosen` gives from now on; call it before the choice is drawn."""
    st.session_state[f"chosen {name}"] = st.session_state[f"kept {name}"] = value


def remember(name: str, value: object) -> None:
    """Keep something for the next redraw of this browser."""
    st.session_state[f"kept {name}"] = value


def recall(name: str) -> object:
    """What `remember` kept, or None."""
    return st.session_state.get(f"kept {name}")


def once(name: str) -> object:
    """What `remember` kept, which is then forgotten: for a message that is shown one time."""
    return st.session_state.pop(f"kept {name}", None)


def pressed(key: str) -> bool:
    """Whether the button with this key is what caused this redraw; known before the button is drawn."""
    return bool(st.session_state.get(key))
