"""Messages: what went wrong with its next step, and who must be known before a page can be used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from app import state
from curator import CuratorError


@contextmanager
def errors() -> Iterator[None]:
    """Show a `CuratorError` with its next step instead of ending the page."""
    try:
        yield
    except CuratorError as error:
        st.error(f"{plain(error.problem)}\n\n**Next:** {plain(error.hint)}", icon=":material/error:")


def done(name: str) -> None:
    """Say once what was stored, as kept under this name by `state.remember`.

    Its place stays when the words go: what stands below would else be another element to the browser, which draws it
    anew and opens the first of its tabs under the hands of a lead who types in the third.
    """
    place = st.empty()
    message = state.once(name)
    if message:
        place.markdown(f":green[:material/check: {message}]")


def counted(n: int, noun: str) -> str:
    """A number with its noun.

    Example:
        >>> counted(1, "record"), counted(2_000, "record")
        ('1 record', '2,000 records')
    """
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def excerpt(text: str, most: int = 60) -> str:
    """The beginning of a text on one line, by which a person knows it again.

    Example:
        >>> excerpt("What is red? Answer in one word.", 12), excerpt(" ")
        ('What is red?…', 'No text')
    """
    line = " ".join(text[: 4 * most].split())
    return (line if len(line) <= most else line[:most].rstrip() + "…") or "No text"


def person_needed() -> str:
    """The name of the person at this browser; without one, the page ends with a request for it."""
    person = state.person()
    if person is None:
        st.info("Enter your name to begin. It stands beside everything you decide.", icon=":material/badge:")
        st.stop()
    return person


def plain(text: str) -> str:
    """Text with Markdown's special characters escaped, so that a record or a file name is shown as it is."""
    return "".join("\\" + char if char in _SPECIAL else char for char in text)


_SPECIAL = frozenset("\\`*_{}[]()#+-!|<>~$:")
