"""The normal form of a text for comparing: what looks the same becomes the same.

Only for comparing, never for storing: a record's own text is kept byte for byte. Compatibility forms (full width,
ligatures) are unfolded, case is folded, characters that show nothing are dropped, and letters of other scripts that
look like a Latin letter become it. Sources: Unicode Standard Annex 15 (NFKC) and Unicode Technical Standard 39
(confusable characters), of which this takes the Cyrillic, Greek and Armenian letters that look like one Latin letter.
"""

from __future__ import annotations

import re
import unicodedata

_LOOK_ALIKES = str.maketrans(
    # Cyrillic
    "\u0430\u0432\u0435\u043a\u043c\u043d\u043e\u0440\u0441\u0442\u0443\u0445\u0455\u0456\u0458\u04bb\u0501\u051b\u051d\u04cf\u0433\u044c"
    # Greek
    "\u03b1\u03b2\u03b5\u03b9\u03ba\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7\u03b3\u03b7\u03c9"
    # Armenian and Latin letters of their own
    "\u0578\u057d\u0585\u0570\u0131\u0237\u0251\u0261",
    "abekmhopctyxsijhdqwlrbabeikvoptuxynwnuohijag",
)
_LATIN = re.compile(r"[a-z]")
_SPACE = re.compile(r"\s+")
_WORD = re.compile(r"[^\W_]+")


def normal_form(text: str) -> str:
    """A text as it looks: one case, one width, no invisible characters, single blanks.

    Letters of another script are replaced only in a text that holds a Latin letter too: a Russian text stays Russian.

    Example:
        >>> normal_form("Wh\\u0430t is  r\\u00aded\\uff1f\\u200b")
        'what is red?'
        >>> normal_form("\\u0447\\u0442\\u043e") == "\\u0447\\u0442\\u043e"
        True
    """
    if text.isascii():
        return " ".join(text.lower().split())
    visible: list[str] = []
    for character in unicodedata.normalize("NFKC", text).casefold():
        category = unicodedata.category(character)
        is_stacked = category == "Mn" and visible and visible[-1].isascii()  # other scripts spell vowels with marks
        if character.isspace() or not (category in ("Cf", "Cc") or is_stacked):
            visible.append(character)
    shown = "".join(visible)
    if _LATIN.search(shown):
        shown = shown.translate(_LOOK_ALIKES)
    return _SPACE.sub(" ", shown).strip()


def words_of(text: str) -> list[str]:
    """The words and numbers of a text in normal form, without punctuation.

    Example:
        >>> words_of("Please: what is \\u201cred\\u201d?")
        ['please', 'what', 'is', 'red']
    """
    return _WORD.findall(normal_form(text))
