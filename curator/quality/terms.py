"""The terms of a text for counting and comparing: words, and pairs of characters in scripts written without spaces.

Chinese, Japanese, Thai, Lao, Khmer and Burmese do not part words by blanks, and the tools that would part them need
dictionaries; overlapping pairs of characters serve retrieval almost as well (Nie et al. 2000, "On the use of words and
n-grams for Chinese information retrieval").
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from curator.quality.normal_form import normal_form
from schemas.record import Record

_SPACELESS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai and Lao, Burmese, Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_PIECE = re.compile(rf"([{_SPACELESS}]+)|[^\W_{_SPACELESS}]+")
_MOST_CHARACTERS = 8_000
"""Of a record that are read: what it is about shows long before."""


def terms_of(text: str) -> list[str]:
    """The terms of a text in normal form, in order, without punctuation.

    Example:
        >>> terms_of("What is Red?"), terms_of("\u5317\u4eac\u662f\u9996\u90fd")
        (['what', 'is', 'red'], ['\u5317\u4eac', '\u4eac\u662f', '\u662f\u9996', '\u9996\u90fd'])
    """
    found: list[str] = []
    for piece in _PIECE.finditer(normal_form(text)):
        run = piece.group(1)
        if run is None or len(run) == 1:
            found.append(piece.group())
        else:
            found += [run[n : n + 2] for n in range(len(run) - 1)]
    return found


def text_of(record: Record) -> str:
    """What a record is compared by: the texts of its conversation, at most 8,000 characters of each message.

    System and developer messages are left out: many records share them word for word.
    """
    said = (message for message in record.messages if message.role not in ("system", "developer"))
    return "\n".join(message.content[:_MOST_CHARACTERS] for message in said)


def texts_of(records: Iterable[Record]) -> list[str]:
    """`text_of` of each."""
    return [text_of(each) for each in records]
