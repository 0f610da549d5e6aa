"""Names that a reader could take for each other, by the shapes of their letters.

Two names are alike when their skeletons are: each character is replaced by the one that stands for all that look like
it, so that a Cyrillic `а` is a Latin `a` and `rn` is `m`. Case is folded as well, before and after, since `I` looks
like `l` and `i` is the same name.
Source: Unicode Technical Standard 39, Security Mechanisms, section 4; the table is that of `confusable_homoglyphs`.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Collection, Iterator

RESERVED = ("curator", "server")
"""Names under which the log says what the program did."""
LONGEST_NAME = 100
"""Characters of a name that can have an account."""
_JOINERS = "\u200c\u200d"  # letters of Persian and of Indic scripts are spelt with them
_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
_MARK = "\u200e"  # the table has it around letters that are written from right to left


def tidy(name: str) -> str:
    """A name as it is stored: in Unicode's normal form, with single blanks between its words.

    >>> tidy(" \uff21da  Lovelace ")
    'Ada Lovelace'
    """
    return " ".join(unicodedata.normalize("NFKC", name).split())


def can_stand(name: str) -> bool:
    """Whether a tidy name can stand beside an answer: not empty, not too long, and nothing in it is unseen."""
    return 0 < len(name) <= LONGEST_NAME and not any(
        unicodedata.category(char) in _UNSEEN and char not in _JOINERS for char in name
    )


def are_alike(first: str, second: str) -> bool:
    """Whether a reader could take one name for the other.

    >>> are_alike("Ada", "\u0410d\u0430"), are_alike("Bernd", "bemd"), are_alike("Ada", "Ida")
    (True, True, False)
    """
    return not _shapes(first).isdisjoint(_shapes(second))


def taken_for(name: str, known: Collection[str]) -> str | None:
    """The reserved or known name that a reader could take this one for; the very same name is the same person's.

    >>> taken_for("Curat\u043er", []), taken_for("ada", ["Ada"]), taken_for("Ada", ["Ada", "ada"])
    ('curator', 'Ada', None)
    """
    others = RESERVED if name in known else (*RESERVED, *known)
    return next((each for each in others if are_alike(name, each)), None)


@functools.lru_cache(maxsize=4096)
def _shapes(name: str) -> frozenset[str]:
    name = tidy(name)
    return frozenset(_skeleton(each).casefold() for each in (name, name.casefold()))


def _skeleton(name: str) -> str:
    seen = (char for char in unicodedata.normalize("NFD", name) if unicodedata.category(char) not in _UNSEEN)
    return unicodedata.normalize("NFD", "".join(_stand_ins().get(char, char) for char in seen))


@functools.cache
def _stand_ins() -> dict[str, str]:
    """For each character that looks like others, what stands for all of them; one that is longer stands before all."""
    from confusable_homoglyphs.confusables import confusables_data  # a megabyte, which only a new account needs

    alike = {key.strip(_MARK): {each["c"].strip(_MARK) for each in others} for key, others in confusables_data.items()}
    chosen: dict[str, str] = {}
    for key in alike:
        if key not in chosen:
            group = set(_group(key, alike))
            chosen |= dict.fromkeys(group, min(group, key=lambda each: (-len(each), each)))
    return {
        key: "".join(chosen.get(char, char) for char in stand_in) if len(stand_in) > 1 else stand_in
        for key, stand_in in chosen.items()
        if len(key) == 1
    }


def _group(key: str, alike: dict[str, set[str]]) -> Iterator[str]:
    """A text and all that look like it, however many steps away."""
    waiting, known = [key], {key}
    while waiting:
        each = waiting.pop()
        yield each
        new = alike.get(each, set()) - known
        known |= new
        waiting.extend(new)
