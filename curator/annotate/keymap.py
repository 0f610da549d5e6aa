"""Which key does what on the labelling screen, and which keys are taken.

A key is a lower-case letter, a full stop, a comma, `ArrowLeft` or `ArrowRight`. Ctrl+Enter (submit) and Escape stay as
they are.
"""

from __future__ import annotations

import re
from collections import Counter

from curator.access import require
from curator.errors import AnnotationError
from curator.store import keymaps
from curator.workspace import Workspace
from schemas.account import Right

DEFAULTS: dict[str, str] = {
    "accept": "a",
    "reject": "x",
    "skip": "s",
    "flag": "f",
    "undo": "z",
    "edit": "e",
    "view": "d",
    "turns": ".",
    "texts": ",",
    "guide": "i",
    "keys": "k",
    "back": "ArrowLeft",
    "forward": "ArrowRight",
    "harmful": "h",
    "unfactual": "u",
    "biased": "b",
    "personal_data": "p",
}
"""Key of each action; digits belong to ratings, reasons and preferences."""

_RESERVED = {"c": "Streamlit", "r": "Streamlit"}
_KEY = re.compile(r"[a-z.,]|ArrowLeft|ArrowRight")


def keys_of(workspace: Workspace, person: str) -> dict[str, str]:
    """An annotator's key of every action."""
    require(workspace, person, Right.ANNOTATE)
    with workspace.read() as connection:
        return DEFAULTS | keymaps.of(connection, person)


def change_keys(workspace: Workspace, person: str, keys: dict[str, str]) -> dict[str, str]:
    """Change the keys of some actions. Returns the key of every action.

    Raises:
        AnnotationError: A key is reserved, does two things, or is none; nothing is changed.
    """
    require(workspace, person, Right.ANNOTATE)
    unknown = sorted(set(keys) - set(DEFAULTS))
    if unknown:
        raise AnnotationError(f"There is no action {unknown[0]}.", hint=f"Actions are {', '.join(DEFAULTS)}.")
    for action, key in keys.items():
        if not _KEY.fullmatch(key):
            raise AnnotationError(
                f"“{key}” cannot be a key of {action}.", hint="Use one letter from a to z, a full stop or a comma."
            )
        if key in _RESERVED:
            raise AnnotationError(f"Key {key} belongs to {_RESERVED[key]}.", hint="Choose another letter.")
    chosen = DEFAULTS | keys
    key, times = Counter(chosen.values()).most_common(1)[0]
    if times > 1:
        both = " and ".join(action for action, each in chosen.items() if each == key)
        raise AnnotationError(f"Key {key} would do two things: {both}.", hint="Give one of them another key.")
    with workspace.write() as connection:
        keymaps.keep(connection, person, {action: key for action, key in chosen.items() if key != DEFAULTS[action]})
    return chosen
