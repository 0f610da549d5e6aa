"""The words of pages, commands and errors: those of their users, never those of the implementation."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.conftest import REPOSITORY

_SAY = {
    "somebody": "annotator, lead or reviewer",
    "someone": "annotator, lead or reviewer",
    "anybody": "everyone",
    "whoever": "the person who",
    "transaction": "what it means for the reader",
    "lease": "how long a record stays with an annotator",
}
"""Words that no text for users holds, and what to say instead."""

_FOLDERS = ("app/views", "app/components", "curator/cli")
_WORD = re.compile(rf"\b({'|'.join(_SAY)})s?\b", re.IGNORECASE)


def _texts(source: str) -> Iterator[tuple[int, str]]:
    """Lines and texts of a module that a user may read: strings with a blank, but no docstrings of modules and classes.

    Docstrings of functions count: those of commands are their help.
    """
    tree = ast.parse(source)
    ours = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef)) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and " " in node.value
            and id(node) not in ours
        ):
            yield node.lineno, node.value


@pytest.mark.parametrize("folder", _FOLDERS)
def test_texts_for_users_say_who_and_what_is_meant(folder: str) -> None:
    strange = [
        f"{file.relative_to(REPOSITORY)}:{line}: “{match.group()}”: say {_SAY[match.group(1).lower()]}"
        for file in sorted((REPOSITORY / folder).glob("*.py"))
        for line, text in _texts(file.read_text(encoding="utf-8"))
        for match in _WORD.finditer(text)
    ]
    assert not strange, "\n".join(strange)
