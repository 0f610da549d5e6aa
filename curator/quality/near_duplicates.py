"""Near duplicates: which of many texts say almost the same, found exactly and whatever their order.

Texts are compared as sets of word shingles (runs of `width` words) by the Jaccard index, the share of shingles that two
have in common. Comparing all pairs would be quadratic, so a prefix filter nominates and the exact index decides: when
the shingles of every text are sorted from rare to common, two texts with an index of at least t share one of the first
n - ceil(t n) + 1 of theirs. The filter loses no pair, unlike banded MinHash, and needs no random numbers.

A shingle that many texts hold is boilerplate (a template around the question) and takes no part: texts that share the
template and differ in what is asked are not duplicates.

Bayardo, Ma and Srikant (2007), "Scaling Up All Pairs Similarity Search"; Xiao et al. (2008), "Efficient Similarity
Joins for Near Duplicate Detection".

T is the number of texts, S that of the shingles of all texts together, Z of those that stand more than once, P of the
pairs that the filter nominates.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from curator.quality.normal_form import normal_form
from curator.quality.sorting import differs, ordered

_BOILERPLATE = 32
"""A shingle in more texts than this says nothing about any two of them."""
_PART = 4_000
"""Texts whose words are hashed at once: memory stays bounded."""
_ROUNDING = 1e-12
_RANGE_BITS = 22
"""Shingles are sorted in ranges of about four million."""
_MIX = np.uint64(0x9E3779B97F4A7C15)  # odd, so that multiplying by it loses nothing
_POLITE = re.compile(r"^(?:(?:can|could|would|will) you )+|\b(?:please|kindly)\b")


_APOSTROPHES = "'`\u00b4\u02bc\u2018\u2019"


class _Marks(dict[int, int | str | None]):
    """Punctuation becomes a space and apostrophes nothing; letters, digits and symbols (+, =, currencies) stay."""

    def __missing__(self, code: int) -> int | str | None:
        char = chr(code)
        stays = code if not unicodedata.category(char).startswith("P") else " "
        self[code] = None if char in _APOSTROPHES else stays
        return self[code]


_MARKS = _Marks()


class NearPair(NamedTuple):
    """Two texts that say almost the same."""

    first: int
    """Place in the list of texts."""
    second: int
    """Place of the other one; `first < second`."""
    similarity: float
    """Jaccard index of their shingles."""


def plain_words(text: str) -> str:
    r"""A text without what twins differ in: case, punctuation, white space, forms of letters and words of politeness.

    Example:
        >>> plain_words("Please, what\u2019s RED?") == plain_words("What's red")
        True
        >>> plain_words("3 + 4") == plain_words("3 - 4")
        False
    """
    form = text.lower() if text.isascii() else normal_form(text)
    words = " ".join(form.translate(_MARKS).split())
    if "please" in words or "kindly" in words or "l you " in words or "ld you " in words or "can you " in words:
        # rare, and looking is cheaper than replacing
        words = " ".join(_POLITE.sub(" ", words).split()) or words
    return words or text.strip()


def near_pairs(texts: Sequence[str], *, least: float = 0.8, width: int = 3) -> list[NearPair]:
    """Every pair of texts whose Jaccard index is at least `least`, sorted.

    Texts of fewer than `width` words have no shingle and no pair; equal texts are best joined before.

    Args:
        texts: Words separated by blanks or line breaks, such as `plain_words` returns. Only slices of it are read.
        least: Smallest index of a pair, above 0 and at most 1.
        width: Words of a shingle.
    """
    shared = _shared(texts, width)
    pairs = _nominated(shared, least)
    if not len(pairs):
        return []
    index = _jaccard(pairs, shared)
    is_near = index >= least - _ROUNDING
    near = zip(pairs[is_near, 0].tolist(), pairs[is_near, 1].tolist(), index[is_near].tolist(), strict=True)
    return sorted(NearPair(*each) for each in near)


def _shingles(texts: Sequence[str], width: int) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Hash of every shingle (S,), ordered by text, and how many each text has (T,)."""
    hashes: list[NDArray[np.uint64]] = []
    counts = np.zeros(len(texts), np.int64)
    for start in range(0, len(texts), _PART):
        part, counts[start : start + _PART] = _shingles_of(texts[start : start + _PART], width)
        hashes.append(part)
    return np.concatenate(hashes) if hashes else np.empty(0, np.uint64), counts


def _shingles_of(texts: Sequence[str], width: int) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """`_shingles` of a part of the texts.

    The hash of a word is a polynomial of its bytes, had from running sums over all bytes at once; nothing is hashed one
    by one in Python.
    """
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    counts = np.zeros(len(texts), np.int64)
    data = np.frombuffer(b" ".join(encoded) + b" ", dtype=np.uint8)
    is_gap = data <= ord(" ")
    before = np.r_[True, is_gap[:-1]]
    starts, ends = np.flatnonzero(~is_gap & before), np.flatnonzero(is_gap & ~before)
    if len(starts) < width:
        return np.empty(0, np.uint64), counts
    powers, inverse = _powers(len(data))
    sums = np.empty(len(data) + 1, np.uint64)
    sums[0] = 0
    np.cumsum(powers * data, out=sums[1:])
    hashes = _stirred((sums[ends] - sums[starts]) * inverse[starts])
    lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
    rows = np.searchsorted(np.cumsum(lengths + 1), starts, side="right")
    mixed = hashes[: len(hashes) - width + 1]
    for n in range(1, width):
        mixed = _stirred(mixed) + hashes[n : len(hashes) - width + 1 + n]
    is_inside = rows[: len(mixed)] == rows[width - 1 :]  # a run of words that ends in the same text
    counts += np.bincount(rows[: len(mixed)][is_inside], minlength=len(texts))
    return _stirred(mixed)[is_inside], counts


@lru_cache(maxsize=1)
def _power_table(length: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    inverse = pow(int(_MIX), -1, 2**64)
    factors = (np.full(length, factor, dtype=np.uint64) for factor in (int(_MIX), inverse))
    powers, inverses = (np.cumprod(each, dtype=np.uint64) for each in factors)
    return powers, inverses


def _powers(length: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Powers of the multiplier and of its inverse, both (length,), the first powers first."""
    powers, inverse = _power_table(1 << length.bit_length())
    return powers[:length], inverse[:length]


def _stirred(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Hashes whose bits all depend on one another (the finaliser of SplitMix64), one to one."""
    stirred = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    stirred = (stirred ^ (stirred >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(stirred ^ (stirred >> np.uint64(31)), dtype=np.uint64)


class _Shared(NamedTuple):
    """The shingles that can make a pair: those of several texts, boilerplate left out.

    Most shingles stand in one text alone. They count, being the rarest of all, but need not be held.
    """

    rows: NDArray[np.int32]
    """Text of each (Z,), ordered by text and number; one that stands twice in a text is one."""
    groups: NDArray[np.int32]
    """Number of each (Z,), from rare to common, so that sorting by number is sorting by rarity."""
    first: NDArray[np.int64]
    """Where each text's shingles begin (T + 1,)."""
    alone: NDArray[np.int64]
    """How many other shingles each text has (T,), which no other text has."""

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Different shingles of each text (T,), boilerplate left out."""
        return self.alone + np.diff(self.first)


def _shared(every: Sequence[str], width: int) -> _Shared:
    """Number the shingles of several texts, and count the others. One range of hashes at a time: memory is bounded."""
    shingles, counts = _shingles(every, width)
    texts = len(counts)
    row_of = np.repeat(np.arange(texts, dtype=np.int32), counts)
    alone = np.zeros(texts, np.int64)
    numbers, rows, hashes, spreads = _none(np.int32), _none(np.int32), _none(np.uint64), _none(np.int32)
    bits = max(0, len(shingles).bit_length() - _RANGE_BITS)
    for part in range(1 << bits):
        here = np.flatnonzero(shingles >> np.uint64(64 - bits) == part) if bits else np.arange(len(shingles))
        some = _in_range(shingles[here], row_of[here], alone)
        numbers.append(some.numbers + np.int32(sum(map(len, hashes))))
        rows.append(some.rows)
        hashes.append(some.hashes)
        spreads.append(some.spreads)
    del shingles, row_of
    all_hashes, most = np.concatenate(hashes), max(1, sum(map(len, hashes)))
    rank = np.empty(len(all_hashes), dtype=np.int64)
    rank[np.lexsort((all_hashes, np.concatenate(spreads)))] = np.arange(len(all_hashes))
    keys = rank[np.concatenate(numbers)]
    numbers.clear()
    for start, each in zip(np.cumsum([0, *map(len, rows)]), rows, strict=False):
        keys[start : start + len(each)] += each * np.int64(most)
    rows.clear()
    keys.sort()
    first = np.zeros(texts + 1, np.int64)
    every_row = np.floor_divide(keys, most, dtype=np.int64).astype(np.int32)
    keys %= most
    np.cumsum(np.bincount(every_row, minlength=texts), out=first[1:])
    return _Shared(every_row, keys.astype(np.int32), first, alone)


class _Range(NamedTuple):
    """The shingles of several texts among those with hashes of one range: G shingles."""

    numbers: NDArray[np.int32]
    """Number of each shingle in each text that holds it, below G."""
    rows: NDArray[np.int32]
    """The text that holds it."""
    hashes: NDArray[np.uint64]
    """By number, (G,)."""
    spreads: NDArray[np.int32]
    """How many texts hold it, (G,)."""


def _in_range(shingles: NDArray[np.uint64], row_of: NDArray[np.int32], alone: NDArray[np.int64]) -> _Range:
    """Number the shingles of several texts, and add those of a single text to its count in `alone`."""
    order, hashes = ordered(shingles)
    is_new = differs(hashes)
    number = np.cumsum(is_new, dtype=np.int32) - 1
    rows = row_of[order]
    is_first = is_new | differs(rows)  # in its text: within a number, texts stand in order
    number, rows = number[is_first], rows[is_first]
    spread = np.bincount(number).astype(np.int32)
    alone += np.bincount(rows[spread[number] == 1], minlength=len(alone))
    is_telling = (spread > 1) & (spread <= _BOILERPLATE)
    is_kept = is_telling[number]
    renumbered = np.cumsum(is_telling, dtype=np.int32) - 1
    return _Range(renumbered[number[is_kept]], rows[is_kept], hashes[is_new][is_telling], spread[is_telling])


def _none(kind: type[np.generic]) -> list[NDArray[Any]]:
    return [np.empty(0, kind)]


def _nominated(shared: _Shared, least: float) -> NDArray[np.int64]:
    """Pairs (P, 2) of texts that share a shingle among the rarest of both, each once, first < second."""
    rows, groups, first, alone = shared
    sizes = shared.sizes
    marks = _marks(shared)
    rank = alone[rows] + np.arange(len(rows)) - first[rows]
    prefix = sizes - np.ceil(least * sizes - 1e-9).astype(np.int64) + 1
    is_rare = rank < prefix[rows]
    texts = np.int64(len(sizes))
    keys = np.sort(groups[is_rare].astype(np.int64) * texts + rows[is_rare])
    group, row = keys // texts, keys % texts
    pairs: list[NDArray[np.int64]] = []
    place = np.arange(len(row))
    for distance in range(1, _BOILERPLATE):  # neighbours at each distance within a group are all pairs of the group
        place = place[place + distance < len(row)]
        place = place[group[place + distance] == group[place]]
        if not len(place):
            break
        one, other = row[place], row[place + distance]
        total = sizes[one] + sizes[other]
        # Texts that share c of a + b shingles differ in a + b - 2c; an index of t means c >= t (a + b) / (1 + t).
        most = total * ((1 - least) / (1 + least)) + 1e-9
        is_close = np.abs(sizes[one] - sizes[other]) <= most
        is_close &= np.bitwise_count(marks[one] ^ marks[other]) <= most
        pairs.append(one[is_close] * texts + other[is_close])
    keys = np.unique(np.concatenate(pairs)) if pairs else np.empty(0, np.int64)
    return np.column_stack((keys // texts, keys % texts))


def _marks(shared: _Shared) -> NDArray[np.uint64]:
    """64 bits for each text (T,): every shingle that it shares turns one over.

    Where two texts differ in b bits, at least b shingles stand in one of them alone, so most pairs that are not alike
    are told by one look at their bits.
    """
    marks = np.zeros(len(shared.alone), np.uint64)
    holds_some = np.flatnonzero(np.diff(shared.first))
    if len(holds_some):
        bit = np.uint64(1) << (shared.groups.astype(np.uint64) % np.uint64(64))
        marks[holds_some] = np.bitwise_xor.reduceat(bit, shared.first[holds_some])
    return marks


def _jaccard(pairs: NDArray[np.int64], shared: _Shared) -> NDArray[np.float64]:
    """Jaccard index of each pair, (P,): every shingle of the first is looked up among those of the second."""
    rows, groups, first, _ = shared
    width = np.int64(groups.max()) + 1
    keys = np.asarray(rows * width + groups, dtype=np.int64)  # sorted, since rows are and groups within them
    held = np.diff(first)
    common = np.zeros(len(pairs), dtype=np.int64)
    step = 100_000
    for start in range(0, len(pairs), step):  # in parts, so that memory stays bounded
        one, other = pairs[start : start + step].T
        lengths = held[one]
        pair = np.repeat(np.arange(len(one)), lengths)
        place = np.arange(len(pair)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        wanted = other[pair] * width + groups[first[one][pair] + place]
        at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        common[start : start + step] = np.bincount(pair, weights=keys[at] == wanted, minlength=len(one))
    total = shared.sizes[pairs].sum(axis=1) - common
    return np.asarray(common / total, dtype=np.float64)
