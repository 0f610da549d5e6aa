"""The firewall between test prompts and training data.

A record is refused when one of its messages, whatever its role, holds a test prompt, or the reference answer of one,
in the same words: whole, or with other text before and after it, with one word misspelt, or with words in another
order. Words are those of the normal form, so case, width, punctuation, invisible characters and look-alike letters
hide nothing. What differs in a whole word or in a number is another prompt: task templates repeat everything but
those.

An index is built once. Most texts are passed over after one search for the rarest words of all test prompts.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from curator.quality.normal_form import normal_form
from schemas.record import Record

_TOKEN = re.compile(
    r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]"
    r"|[^\W_\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+"
)
"""A word, a number, or a character of a script that is written without blanks."""
_ASCII_WORDS = bytes(
    ord(letter.lower()) if (letter := chr(code)).isalnum() and letter.isascii() else ord(" ") for code in range(256)
)
"""Every byte of an ASCII text as its small letter or digit, or as a blank."""
_DISGUISE = re.compile(
    r"[\u0300-\u058f\u0131\u0237\u0251\u0261\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    r"\x00-\x08\x0e-\x1f\x7f-\x9f]"
)
"""Characters that show nothing, stack on another, or may look like a Latin letter."""
_ALONE = 4
"""Words from which on a test prompt is looked for inside a longer text; a shorter one must be the whole of it."""
_ANSWER = 6
"""Words from which on a reference answer is looked for at all: "yes" proves nothing."""
_LONG = 4
"""Letters from which on a word can be misspelt and still be recognised."""
_EXCHANGED = 12
"""Words beyond which two words that changed places are the slots of a template: "a boy and his father" or the other
way round."""
_ANCHORS = 3
"""Words of each test prompt by which it is found: all but one of them must be there, since one may be misspelt."""


class GatePrompt(NamedTuple):
    """One prompt of a gate suite, with the answers that must not be taught."""

    suite: str
    id: str
    text: str
    answers: tuple[str, ...] = ()


class Match(NamedTuple):
    """A test prompt that stands in a text."""

    suite: str
    id: str
    is_answer: bool
    """Its reference answer stands there, not the prompt."""


class _Needle(NamedTuple):
    words: tuple[str, ...]
    sorted_words: tuple[str, ...]
    numbers: tuple[str, ...]
    match: Match


class Firewall:
    """All test prompts, ready to be looked for; falsy when there are none."""

    def __init__(self, prompts: Iterable[GatePrompt]) -> None:
        """Build the index."""
        needles: list[_Needle] = []
        for prompt in prompts:
            needles.append(_needle(prompt.text, Match(prompt.suite, prompt.id, False)))
            for answer in prompt.answers:
                needle = _needle(answer, Match(prompt.suite, prompt.id, True))
                if len(needle.words) >= _ANSWER:
                    needles.append(needle)
        self._needles = [needle for needle in needles if needle.words]
        frequency = Counter(word for needle in self._needles for word in set(needle.words))
        self._by_anchor: dict[str, list[int]] = defaultdict(list)
        self._wanted: list[int] = []
        for n, needle in enumerate(self._needles):
            rare = sorted(set(needle.words), key=lambda word: (word in _COMMON, frequency[word], -len(word), word))
            self._wanted.append(max(1, min(_ANCHORS, len(rare)) - 1))
            for word in rare[:_ANCHORS]:
                self._by_anchor[word].append(n)
        self._anchors = frozenset(self._by_anchor)
        self._fewest = min(self._wanted, default=1)
        self._ascii_anchors = frozenset(anchor.encode() for anchor in self._anchors if anchor.isascii())

    def __bool__(self) -> bool:
        return bool(self._needles)

    @property
    def digest(self) -> str:
        """sha256 of all that is looked for, 64 hex digits."""
        return hashlib.sha256(repr([(needle.match, needle.words) for needle in self._needles]).encode()).hexdigest()

    def match(self, text: str) -> Match | None:
        """The test prompt that stands in a text, or None."""
        if text.isascii():  # bytes are several times as fast to take apart, and most texts end here
            there = {each.decode() for each in self._ascii_anchors.intersection(_ascii_words(text))}
        else:
            there = set(self._anchors.intersection(_words(text)))
        if len(there) < self._fewest:
            return None
        present = Counter(n for anchor in there for n in self._by_anchor[anchor])
        likely = [n for n, anchors in present.items() if anchors >= self._wanted[n]]
        words = _words(text) if likely else []
        return next((self._needles[n].match for n in likely if _stands_in(self._needles[n], words)), None)

    def match_record(self, record: Record) -> Match | None:
        """The test prompt that stands in a message of a record, whatever its role, or in its second response."""
        if not self._needles:
            return None
        texts = [message.content for message in (*record.messages, *record.rejected)]
        if record.alternative:
            texts.append(record.alternative)
        return next((match for text in texts if text and (match := self.match(text)) is not None), None)


def holds_test_prompt(record: Record, firewall: Firewall) -> bool:
    """Whether a record holds a test prompt or the answer to one, and so may not train."""
    return firewall.match_record(record) is not None


def _ascii_words(text: str) -> list[bytes]:
    return text.encode().translate(_ASCII_WORDS).split()


def _words(text: str) -> list[str]:
    """The words of the normal form, which is worked out in full only where a text holds a character that needs it."""
    if text.isascii():
        return [word.decode() for word in _ascii_words(text)]
    plain = unicodedata.normalize("NFKC", text).casefold()
    return _TOKEN.findall(normal_form(text) if _DISGUISE.search(plain) else plain)


def _needle(text: str, match: Match) -> _Needle:
    words = tuple(_words(text))
    return _Needle(words, tuple(sorted(words)), _numbers(words), match)


def _numbers(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(word for word in words if any(map(str.isdigit, word)))


def _stands_in(needle: _Needle, words: list[str]) -> bool:
    """Whether some run of words is the needle: the same words, one of them misspelt, or all in another order."""
    size = len(needle.words)
    if len(words) < size or (size < _ALONE and len(words) != size):
        return False
    wanted = set(needle.words)
    known = [word in wanted for word in words]
    inside = sum(known[:size])
    for start in range(len(words) - size + 1):
        if start:
            inside += known[start + size - 1] - known[start - 1]
        if inside >= size - 1 and _is_same(needle, words[start : start + size]):
            return True
    return False


def _is_same(needle: _Needle, window: list[str]) -> bool:
    different = [(one, other) for one, other in zip(needle.words, window, strict=True) if one != other]
    if len(different) <= 1:
        return all(_is_misspelt(one, other) for one, other in different)
    if _numbers(window) != needle.numbers or len(window) < _ALONE:
        return False
    if tuple(sorted(window)) == needle.sorted_words:
        return len(window) <= _EXCHANGED or not _is_exchange(needle.words, window)
    missing = list((Counter(needle.words) - Counter(window)).elements())
    added = list((Counter(window) - Counter(needle.words)).elements())
    return len(missing) == len(added) == 1 and len(different) <= 3 and _is_misspelt(missing[0], added[0])


def _is_exchange(words: Sequence[str], window: list[str]) -> bool:
    """Whether just two words changed places that do not stand side by side."""
    moved = [n for n, word in enumerate(words) if word != window[n]]
    return len(moved) == 2 and moved[1] - moved[0] > 1


def _is_misspelt(word: str, other: str) -> bool:
    """Whether one letter was left out, added, changed or swapped with its neighbour."""
    if len(word) < _LONG or abs(len(word) - len(other)) > 1 or not (word.isalpha() and other.isalpha()):
        return False
    start = 0
    while start < min(len(word), len(other)) and word[start] == other[start]:
        start += 1
    rest, other_rest = word[start:], other[start:]
    if len(rest) == len(other_rest):
        return rest[1:] == other_rest[1:] or (rest[:2] == other_rest[1::-1] and rest[2:] == other_rest[2:])
    longer, shorter = (rest, other_rest) if len(rest) > len(other_rest) else (other_rest, rest)
    return longer[1:] == shorter


_COMMON = frozenset(
    [
        "a",
        "about",
        "all",
        "am",
        "an",
        "and",
        "any",
        "are",
        "as",
        "at",
        "be",
        "been",
        "but",
        "by",
        "can",
        "could",
        "describe",
        "did",
        "do",
        "does",
        "explain",
        "for",
        "from",
        "get",
        "give",
        "had",
        "has",
        "have",
        "he",
        "her",
        "him",
        "his",
        "how",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "like",
        "list",
        "make",
        "me",
        "more",
        "most",
        "my",
        "name",
        "no",
        "not",
        "of",
        "on",
        "one",
        "or",
        "our",
        "out",
        "please",
        "product",
        "she",
        "should",
        "so",
        "some",
        "tell",
        "than",
        "that",
        "the",
        "their",
        "them",
        "there",
        "these",
        "they",
        "this",
        "to",
        "up",
        "us",
        "was",
        "we",
        "were",
        "what",
        "when",
        "where",
        "which",
        "who",
        "why",
        "will",
        "with",
        "would",
        "write",
        "you",
        "your",
    ]
)
"""Words by which no prompt is found."""
