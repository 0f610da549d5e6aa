"""Words: a text as hashes of its words, read from its bytes in compiled loops.

A word is a run of letters and digits; a character of a script that is written without blanks, and a sign that
calculates or compares, are words of their own. Case, width, accents, punctuation and apostrophes are folded one
character at a time, as far as `normal_form` folds characters that stand alone. The loops are compiled by numba: for a
million texts, hashing words one by one in Python takes most of a minute.

B is the number of bytes of all texts, T that of texts, W that of words.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Sequence
from typing import Any, NamedTuple

import numba
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

PLAIN, NAME, NUMBER, SIGN = 0, 1, 2, 3
"""What a word is: ordinary, a name or an identifier, a number, a sign that calculates or compares."""
_GAP, _LETTER, _DIGIT, _UPPER, _DENSE, _SIGN, _NOTHING, _INNER, _END = range(9)
_BMP = 1 << 16
_APOSTROPHES = "'`\u00b4\u02bc\u2018\u2019"
_SIGNS = "+/=<>^%|&~$\u20ac\u00a3\u00d7\u00f7\u2212\u2260\u2264\u2265\u221a"
_ENDS = '.!?:;\n"\u201c\u201d\u2026([{*#>\u3002\uff01\uff1f-\u2022'
"""After these, a capital letter may begin a sentence or an item, and makes no name."""
_DENSE_SCRIPTS = (
    (0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
)  # fmt: skip


class Side(NamedTuple):
    """One side of T pairs, or T texts, as UTF-8 laid end to end."""

    data: NDArray[np.uint8]
    """(B,)"""
    first: NDArray[np.int64]
    """Where each begins, and where the last one ends, (T + 1,)."""


class Texts(NamedTuple):
    """T pairs of texts. No run of words crosses from one side to the other."""

    one: Side
    other: Side

    def __len__(self) -> int:
        return len(self.one.first) - 1


class Words(NamedTuple):
    """The words of T texts."""

    hashes: NDArray[np.uint64]
    """(W,)"""
    kinds: NDArray[np.uint8]
    """`PLAIN`, `NAME`, `NUMBER` or `SIGN`, (W,)."""
    first: NDArray[np.int64]
    """Where those of each text begin, (T + 1,)."""
    border: NDArray[np.int64]
    """Where those of its second side begin, (T,)."""


def texts_of(ones: Sequence[str], others: Sequence[str] | None = None) -> Texts:
    """Pairs of texts; without `others`, texts with an empty other side."""
    return Texts(_side(ones), _side([""] * len(ones) if others is None else others))


def texts_from(ones: pa.Array, others: pa.Array) -> Texts:
    """Pairs of texts in two columns of Arrow, which are read where they are; a null is an empty text."""
    return Texts(_column(ones), _column(others))


def joined(texts: Sequence[Texts]) -> Texts:
    """Pairs of texts behind one another."""
    return Texts(_join([each.one for each in texts]), _join([each.other for each in texts]))


def taken(texts: Texts, places: NDArray[np.int64]) -> Texts:
    """Some pairs."""
    return Texts(_take(texts.one, places), _take(texts.other, places))


def _side(texts: Sequence[str]) -> Side:
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
    return _ready(np.frombuffer(b"".join(encoded), np.uint8), np.concatenate([[0], np.cumsum(lengths)]))


def _column(column: pa.Array) -> Side:
    column = column.fill_null("") if column.null_count else column
    kind = np.dtype(np.int64 if pa.types.is_large_string(column.type) else np.int32)
    _, offsets, data = column.buffers()
    first = np.frombuffer(offsets, kind)[column.offset : column.offset + len(column) + 1]
    return _ready(np.frombuffer(data, np.uint8) if data else np.empty(0, np.uint8), first)


def _ready(data: NDArray[np.uint8], first: NDArray[Any]) -> Side:
    data, first = data.view(), first.astype(np.int64)
    data.setflags(write=False)  # else the loops were compiled twice
    return Side(data, first)


def _join(sides: Sequence[Side]) -> Side:
    data = [side.data[side.first[0] : side.first[-1]] for side in sides]
    lengths = [np.diff(side.first) for side in sides]
    first = np.concatenate([[0], np.cumsum(np.concatenate(lengths))]) if sides else np.zeros(1)
    return _ready(np.concatenate(data) if sides else np.empty(0, np.uint8), first)


def _take(side: Side, places: NDArray[np.int64]) -> Side:
    lengths = side.first[places + 1] - side.first[places]
    first = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return _ready(_copy(side.data, side.first, places, first), first)


@numba.njit(nogil=True, cache=True)
def _copy(data, starts, places, first):  # type: ignore[no-untyped-def]
    out = np.empty(first[-1], np.uint8)
    for n in range(len(places)):
        size = first[n + 1] - first[n]
        out[first[n] : first[n + 1]] = data[starts[places[n]] : starts[places[n]] + size]
    return out


def words_of(texts: Texts) -> Words:
    """The words of every text.

    Example:
        >>> one, other = texts_of(["What\u2019s RED?"]), texts_of(["whats red"])
        >>> bool((words_of(one).hashes == words_of(other).hashes).all())
        True
    """
    fold, kind = tables()
    (one, one_first), (other, other_first) = texts
    count = _count(one, one_first, other, other_first, fold, kind)
    first = np.concatenate([[0], np.cumsum(count)]).astype(np.int64)
    hashes, kinds = np.empty(first[-1], np.uint64), np.empty(first[-1], np.uint8)
    border = np.empty(len(count), np.int64)
    _write(one, one_first, other, other_first, fold, kind, first, hashes, kinds, border)
    return Words(hashes, kinds, first, border)


def joined_words(some: Sequence[Words]) -> Words:
    """The words of all texts of some batches."""
    if not some:
        nothing = np.zeros(1, np.int64)
        return Words(np.empty(0, np.uint64), np.empty(0, np.uint8), nothing, nothing[:0])
    before = np.cumsum([0, *(len(each.hashes) for each in some)])
    first = [each.first[:-1] + start for each, start in zip(some, before, strict=False)]
    border = [each.border + start for each, start in zip(some, before, strict=False)]
    hashes, kinds = (np.concatenate(each) for each in zip(*((one.hashes, one.kinds) for one in some), strict=True))
    return Words(hashes, kinds, np.concatenate([*first, before[-1:]]), np.concatenate(border))


@functools.cache
def tables() -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
    """What each character of the basic plane is compared as, and what it does, both (65536,)."""
    fold = np.arange(_BMP, dtype=np.uint16)
    kind = np.full(_BMP, _LETTER, np.uint8)
    for code in range(_BMP):
        char = chr(code)
        category = unicodedata.category(char)
        if category[0] == "L" or category[0] == "N":
            base = unicodedata.normalize("NFKD", char).casefold()
            base = base[0] if base and base[0].isascii() else unicodedata.normalize("NFKC", char).casefold()
            fold[code] = ord(base) if len(base) == 1 and ord(base) < _BMP else code
            is_digit = category == "Nd"
            kind[code] = _DIGIT if is_digit else _UPPER if category in ("Lu", "Lt") else _LETTER
        elif 0x0300 <= code < 0x0370 or category == "Cf" or char in _APOSTROPHES:
            kind[code] = _NOTHING
        elif category[0] in "PZC":
            kind[code] = _END if char in _ENDS else _GAP
        elif category[0] == "S":
            kind[code] = _SIGN
    for char in _SIGNS:
        kind[ord(char)] = _SIGN
    for char in ",.":
        kind[ord(char)] = _END if char == "." else _GAP
    kind[ord("_")] = _INNER
    for low, high in _DENSE_SCRIPTS:
        here = np.arange(low, high + 1)
        kind[here[np.isin(kind[here], (_LETTER, _UPPER))]] = _DENSE
    telling = np.zeros(_BMP, np.uint8)
    telling[[ord(char) for char in _SIGNS]] = 16
    return fold, kind | telling


@numba.njit(nogil=True, cache=True)
def stirred(value):  # type: ignore[no-untyped-def]
    """A hash whose bits all depend on one another (the finaliser of SplitMix64)."""
    value = np.uint64(value)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@numba.njit(nogil=True, cache=True)
def _character(data, at, end):  # type: ignore[no-untyped-def]
    """Code point at a place, and the place behind it; a damaged one counts as a byte."""
    lead = np.int64(data[at])
    if lead < 0x80:
        return lead, at + 1
    size = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
    if lead < 0xC0 or at + size > end:
        return lead, at + 1
    code = lead & (0xFF >> (size + 1))
    for n in range(1, size):
        code = (code << 6) | (np.int64(data[at + n]) & 0x3F)
    return code, at + size


@numba.njit(nogil=True, cache=True)
def next_word(data, at, end, fold, kind, begins):  # type: ignore[no-untyped-def]
    """The next word of a text: hash (0 when there is none), kind, the place behind it, whether a sentence begins."""
    hashed = np.uint64(0)
    letters = 0
    digits = 0
    inner = False
    starts_upper = False
    after_begin = begins
    while at < end:
        byte = data[at]
        if byte < 0x80:
            code, behind = np.int64(byte), at + 1
        else:
            code, behind = _character(data, at, end)
        if code < 0x10000:
            does = kind[code] & 15
            telling = kind[code] >= 16
            code = np.int64(fold[code])
        else:
            does = _DENSE if code >= 0x20000 else _SIGN
            telling = False
        if does == _LETTER or does == _DIGIT or does == _UPPER or does == _INNER:
            if letters + digits == 0:
                after_begin = begins
                starts_upper = does == _UPPER
            elif does == _UPPER and letters > 0:
                inner = True
            if does == _INNER:
                inner = True
            if does == _DIGIT:
                digits += 1
            else:
                letters += 1
            hashed = (hashed ^ np.uint64(code + 1)) * np.uint64(0x9E3779B97F4A7C15)
            hashed ^= hashed >> np.uint64(29)
            at = behind
        elif does == _NOTHING:
            at = behind
        elif letters + digits > 0:
            if letters == 0 and (code == 46 or code == 44) and behind < end and 48 <= data[behind] <= 57:
                if code == 46:  # a decimal point counts, a comma between thousands does not
                    hashed = (hashed ^ np.uint64(47)) * np.uint64(0x9E3779B97F4A7C15)
                at = behind
                continue
            break
        elif does == _DENSE:
            return stirred(np.uint64(code + 7)), PLAIN, behind, False
        elif does == _SIGN:
            return stirred(np.uint64(code + 11)), SIGN if telling else PLAIN, behind, begins
        else:
            if does == _END:
                begins = True
            at = behind
    if letters + digits == 0:
        return np.uint64(0), PLAIN, end, begins
    what = PLAIN
    if letters == 0:
        what = NUMBER
    elif inner or digits > 0 or (starts_upper and not after_begin):
        what = NAME
    return stirred(hashed) | np.uint64(1), what, at, False


@numba.njit(nogil=True, cache=True)
def _count(one, one_first, other, other_first, fold, kind):  # type: ignore[no-untyped-def]
    counts = np.zeros(len(one_first) - 1, np.int64)
    for n in range(len(counts)):
        for side in range(2):
            data, first = (one, one_first) if side == 0 else (other, other_first)
            at, begins = first[n], True
            while True:
                hashed, _, at, begins = next_word(data, at, first[n + 1], fold, kind, begins)
                if hashed == 0:
                    break
                counts[n] += 1
    return counts


@numba.njit(nogil=True, cache=True)
def _write(one, one_first, other, other_first, fold, kind, places, hashes, kinds, border):  # type: ignore[no-untyped-def]
    for n in range(len(one_first) - 1):
        place = places[n]
        for side in range(2):
            data, first = (one, one_first) if side == 0 else (other, other_first)
            at, begins = first[n], True
            while True:
                hashed, what, at, begins = next_word(data, at, first[n + 1], fold, kind, begins)
                if hashed == 0:
                    break
                hashes[place], kinds[place] = hashed, what
                place += 1
            if side == 0:
                border[n] = place
