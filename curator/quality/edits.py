"""What an edit changed, word by word: a plain comparison of two texts, nothing about why.

Chinese and Japanese are compared and counted character by character, as word processors do.
"""

from __future__ import annotations

import difflib
import re
from typing import Literal, NamedTuple

# Chinese characters and Japanese kana, which are written without spaces; Korean has them.
_SPACELESS = (
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
_SPACELESS_CHARACTER = re.compile(f"[{_SPACELESS}]")
_SPACELESS_TEXT = re.compile(f"[{_SPACELESS}\u3000-\u303f\uff00-\uff65]")
"""Their punctuation included."""
_PIECE = re.compile(rf"\s+|[{_SPACELESS}]|[^\W{_SPACELESS}]+|[^\w\s]")
_MOST = 20_000
"""Pieces of both texts together up to which they are aligned; the time grows with the square."""


class Piece(NamedTuple):
    """Text that stayed, came or went."""

    kind: Literal["same", "added", "removed"]
    text: str


def word_diff(before: str, after: str) -> list[Piece]:
    """Both texts as one list of pieces; dropping what was added gives `before`, dropping what was removed `after`.

    Example:
        >>> word_diff("a red car", "a blue car")
        [Piece(kind='same', text='a '), Piece(kind='removed', text='red'), Piece(kind='added', text='blue'), \
Piece(kind='same', text=' car')]
    """
    if before == after:
        return [Piece("same", before)] if before else []
    old, new = _PIECE.findall(before), _PIECE.findall(after)
    if len(old) + len(new) > _MOST:
        return [Piece("removed", before)] * bool(before) + [Piece("added", after)] * bool(after)
    pieces: list[Piece] = []
    for kind, i, j, k, m in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        gone, come = "".join(old[i:j]), "".join(new[k:m])
        if kind == "equal":
            pieces.append(Piece("same", gone))
            continue
        pieces += [Piece("removed", gone)] * bool(gone) + [Piece("added", come)] * bool(come)
    return pieces


def words(text: str) -> int:
    """Number of words: by white space, and one for each character of a script that is written without spaces.

    Example:
        >>> words("Beijing is old."), words("北京是中国的首都。")
        (3, 8)
    """
    return len(_SPACELESS_CHARACTER.findall(text)) + len(_SPACELESS_TEXT.sub(" ", text).split())


def words_in(text: str) -> list[str]:
    """The words of a text without punctuation; Chinese and Japanese by the character.

    Example:
        >>> words_in("Beijing is old: 北京.")
        ['Beijing', 'is', 'old', '北', '京']
    """
    return [piece for piece in _PIECE.findall(text) if piece[0].isalnum()]


def changed_words(pieces: list[Piece]) -> tuple[int, int]:
    """How many words came and how many went."""
    added = sum(words(piece.text) for piece in pieces if piece.kind == "added")
    removed = sum(words(piece.text) for piece in pieces if piece.kind == "removed")
    return added, removed
