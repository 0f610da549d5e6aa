"""Claims: the statements of an output, as a reviewer starts to check them: its sentences and the lines of its lists."""

from __future__ import annotations

import re

_END = re.compile(r"(?<=[.!?\u3002\uff01\uff1f])[\"')\]\u201d\u2019]*(?=\s|$)|(?<=[\u3002\uff01\uff1f])")
_SHORT = re.compile(
    r"(?:\b(?:[A-Za-z]|Mr|Mrs|Ms|Dr|Prof|St|No|vs|etc|cf|approx|Fig|Inc|Ltd|e\.g|i\.e)|\b(?:[A-Z]\.)+[A-Z])\.$"
)
"""What ends in a full stop and ends no sentence."""
_ITEM = re.compile(r"^\s*(?:[-*\u2022]|\d{1,3}[.)])\s+")


def split(text: str) -> list[str]:
    """The statements of a text, in order; one that its sentences do not tell apart is left for its reviewer to edit.

    Example:
        >>> split("Dr. Lee was born in 1.5 B.C. in Rome. She wrote:\\n- a song\\n- two plays!")
        ['Dr. Lee was born in 1.5 B.C. in Rome.', 'She wrote:', 'a song', 'two plays!']
    """
    claims: list[str] = []
    for line in text.splitlines():
        rest = _ITEM.sub("", line).strip()
        start = 0
        for match in _END.finditer(rest):
            sentence = rest[start : match.end()].strip()
            if sentence and not _is_abbreviated(sentence, rest[match.end() :]):
                claims.append(sentence)
                start = match.end()
        if rest[start:].strip():
            claims.append(rest[start:].strip())
    return claims


def _is_abbreviated(sentence: str, rest: str) -> bool:
    """Whether the full stop belongs to a short form, after which the sentence goes on."""
    following = rest.lstrip()[:1]
    return bool(following) and (bool(_SHORT.search(sentence)) or (sentence.endswith(".") and following.islower()))
