"""Asked: the plain words of many texts at once, the same as `quality.near_duplicates.plain_words` of each.

Texts in ASCII are joined, turned over in one pass, and taken apart again: a tenth of the time, a million times.
"""

from __future__ import annotations

from collections.abc import Sequence

from curator.quality.near_duplicates import plain_words

_END = "\x00"


def _told(code: int) -> str:
    """What stands for a character between two letters."""
    return plain_words(f"a{chr(code)}a")[1:-1]


_DROPPED = bytes(code for code in range(1, 128) if _told(code) == "")
_TABLE = bytes(ord(_told(code) or " ") if 0 < code < 128 else code for code in range(256))
_POLITE = ("please", "kindly", "l you ", "ld you ", "can you ")
"""A text without any of these is not polite in a way that `plain_words` takes back."""


def plain_words_of(texts: Sequence[str]) -> list[str]:
    """The plain words of each text.

    Example:
        >>> plain_words_of(["Please, what\u2019s RED?", "Name  a tool."])
        ['whats red', 'name a tool']
    """
    is_simple = [text.isascii() and _END not in text for text in texts]
    said = iter(_simple_words([text for text, simple in zip(texts, is_simple, strict=True) if simple]))
    return [next(said) if simple else plain_words(text) for text, simple in zip(texts, is_simple, strict=True)]


def _simple_words(texts: Sequence[str]) -> list[str]:
    if not texts:
        return []
    together = _END.join(texts).encode().translate(_TABLE, _DROPPED).decode()
    is_polite = any(each in together for each in _POLITE)
    return [
        plain_words(text)
        if not words or "  " in words or words[0] == " " or words[-1] == " " or (is_polite and _may_be_polite(words))
        else words
        for text, words in zip(texts, together.split(_END), strict=True)
    ]


def _may_be_polite(words: str) -> bool:
    return any(each in words for each in _POLITE)
