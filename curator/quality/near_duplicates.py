"""Near duplicates: which of many texts say almost the same, found exactly and whatever their order.

Texts are compared as sets of word shingles (runs of `width` words) by the Jaccard index, the share of shingles that two
have in common. Comparing all pairs would be quadratic, so a prefix filter nominates and the exact index decides: when
the shingles of every text are sorted from rare to common, two texts with an index of at least t share one of the first
n - ceil(t n) + 1 of theirs. The filter loses no pair, unlike banded MinHash, and needs no random numbers.

A shingle that many texts hold is boilerplate (a template around the question) and takes no part: texts that share the
template and differ in what is asked are not duplicates.

Bayardo, Ma and Srikant (2007), "Scaling Up All Pairs Similarity Search"; Xiao et al. (2008), "Efficient Similarity
Joins for Near Duplicate Detection".

S is the number of shingles of all texts together, P the number of pairs that the filter nominates.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from curator.quality.normal_form import normal_form

_BOILERPLATE = 32
"""A shingle in more texts than this says nothing about any two of them."""
_PART = 20_000
"""Texts whose words are hashed at once: memory stays bounded."""
_MIX = np.uint64(0x9E3779B97F4A7C15)  # odd, so that multiplying by it loses nothing
_POLITE = re.compile(r"^(?:(?:can|could|would|will) you )+|\b(?:please|kindly)\b")
_POLITE_WORDS = ("please", "kindly", "can you ", "could you ", "would you ", "will you ")


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
    if any(word in words for word in _POLITE_WORDS):  # rare, and looking is cheaper than replacing
        words = " ".join(_POLITE.sub(" ", words).split()) or words
    return words or text.strip()


def near_pairs(texts: Sequence[str], *, least: float = 0.8, width: int = 3) -> list[NearPair]:
    """Every pair of texts whose Jaccard index is at least `least`, sorted.

    Texts of fewer than `width` words have no shingle and no pair; equal texts are best joined before.

    Args:
        texts: Words separated by blanks or line breaks, such as `plain_words` returns.
        least: Smallest index of a pair, above 0 and at most 1.
        width: Words of a shingle.
    """
    rows, shingles = _shingles(texts, width)
    if not len(rows):
        return []
    rows, groups, sizes = _without_boilerplate(rows, shingles, len(texts))
    pairs = _nominated(rows, groups, sizes, least)
    if not len(pairs):
        return []
    index = _jaccard(pairs, rows, groups, sizes)
    is_near = index >= least - 1e-12
    found = zip(pairs[is_near, 0].tolist(), pairs[is_near, 1].tolist(), index[is_near].tolist(), strict=True)
    return sorted(NearPair(*each) for each in found)


def _shingles(texts: Sequence[str], width: int) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Text and hash of every shingle, both (S,), ordered by text."""
    parts = [_shingles_of(texts[start : start + _PART], start, width) for start in range(0, len(texts), _PART)]
    if not parts:
        return np.empty(0, np.int64), np.empty(0, np.uint64)
    return np.concatenate([rows for rows, _ in parts]), np.concatenate([hashes for _, hashes in parts])


def _shingles_of(texts: Sequence[str], first: int, width: int) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """`_shingles` of a part of the texts, the first of which is number `first`.

    The hash of a word is a polynomial of its bytes, had from running sums over all bytes at once; nothing is hashed one
    by one in Python.
    """
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    data = np.frombuffer(b" ".join(encoded) + b" ", dtype=np.uint8)
    is_gap = data <= ord(" ")
    before = np.r_[True, is_gap[:-1]]
    starts, ends = np.flatnonzero(~is_gap & before), np.flatnonzero(is_gap & ~before)
    if len(starts) < width:
        return np.empty(0, np.int64), np.empty(0, np.uint64)
    powers = np.cumprod(np.full(len(data), _MIX))
    sums = np.r_[np.uint64(0), np.cumsum(powers * data)]
    inverse = np.cumprod(np.full(len(data), pow(int(_MIX), -1, 2**64), dtype=np.uint64))
    hashes = _stirred((sums[ends] - sums[starts]) * inverse[starts])
    lengths = np.fromiter(map(len, encoded), np.int64, len(encoded))
    rows = np.searchsorted(np.cumsum(lengths + 1), starts, side="right")
    mixed = hashes[: len(hashes) - width + 1]
    for n in range(1, width):
        mixed = _stirred(mixed) + hashes[n : len(hashes) - width + 1 + n]
    is_inside = rows[: len(mixed)] == rows[width - 1 :]  # a run of words that ends in the same text
    return rows[: len(mixed)][is_inside] + first, _stirred(mixed)[is_inside]


def _stirred(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Hashes whose bits all depend on one another (the finaliser of SplitMix64), one to one."""
    stirred = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    stirred = (stirred ^ (stirred >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(stirred ^ (stirred >> np.uint64(31)), dtype=np.uint64)


def _without_boilerplate(
    rows: NDArray[np.int64], shingles: NDArray[np.uint64], count: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Each text's different shingles, boilerplate left out: text and shingle number of each, and how many a text has.

    Shingles are numbered from rare to common, so that sorting by number is sorting by rarity. Ordered by text, number.
    """
    order = np.argsort(shingles)
    ordered = shingles[order]
    is_first = np.r_[True, ordered[1:] != ordered[:-1]]
    pairs = np.sort((np.cumsum(is_first) - 1) * count + rows[order])  # sorting is faster than np.unique
    pairs = pairs[np.r_[True, pairs[1:] != pairs[:-1]]]  # a shingle that stands twice in a text is one
    shingle, ordered_rows = pairs // count, pairs % count
    hashes = ordered[is_first]
    spread = np.bincount(shingle)
    by_rarity = np.lexsort((hashes, spread))  # by spread, then by hash: the same whatever the order of texts
    number = np.empty(len(hashes), dtype=np.int64)
    number[by_rarity] = np.arange(len(hashes))
    is_telling = spread[shingle] <= _BOILERPLATE
    keys = np.sort(ordered_rows[is_telling] * len(hashes) + number[shingle[is_telling]])
    ordered_rows = keys // len(hashes)
    return ordered_rows, keys % len(hashes), np.bincount(ordered_rows, minlength=count)


def _nominated(
    rows: NDArray[np.int64], groups: NDArray[np.int64], sizes: NDArray[np.int64], least: float
) -> NDArray[np.int64]:
    """Pairs (P, 2) of texts that share a shingle among the rarest of both, each once, first < second."""
    first_of_row = np.cumsum(sizes) - sizes
    rank = np.arange(len(rows)) - first_of_row[rows]
    prefix = sizes - np.ceil(least * sizes - 1e-9).astype(np.int64) + 1
    is_rare = rank < prefix[rows]
    rows, groups = rows[is_rare], groups[is_rare]
    order = np.lexsort((rows, groups))
    rows, groups = rows[order], groups[order]
    parts: list[NDArray[np.int64]] = [np.empty((0, 2), dtype=np.int64)]
    for distance in range(1, _BOILERPLATE):  # neighbours at each distance within a group are all pairs of the group
        is_pair = groups[distance:] == groups[:-distance]
        if not is_pair.any():
            break
        parts.append(np.column_stack((rows[:-distance][is_pair], rows[distance:][is_pair])))
    pairs = np.unique(np.concatenate(parts), axis=0)
    small, large = sizes[pairs].min(axis=1), sizes[pairs].max(axis=1)
    is_close = small >= least * large - 1e-9
    return np.asarray(pairs[is_close], dtype=np.int64)  # sets of such different sizes cannot be that similar


def _jaccard(
    pairs: NDArray[np.int64], rows: NDArray[np.int64], groups: NDArray[np.int64], sizes: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Jaccard index of each pair, (P,): every shingle of the first is looked up among those of the second."""
    width = int(groups.max()) + 1
    keys = rows * width + groups  # sorted, since rows are and groups within them
    first_of_row = np.cumsum(sizes) - sizes
    shared = np.zeros(len(pairs), dtype=np.int64)
    step = 100_000
    for start in range(0, len(pairs), step):  # in parts, so that memory stays bounded
        one, other = pairs[start : start + step].T
        lengths = sizes[one]
        pair = np.repeat(np.arange(len(one)), lengths)
        place = np.arange(len(pair)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        wanted = other[pair] * width + groups[first_of_row[one][pair] + place]
        at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        shared[start : start + step] = np.bincount(pair, weights=keys[at] == wanted, minlength=len(one))
    total = sizes[pairs].sum(axis=1) - shared
    return np.asarray(shared / total, dtype=np.float64)
