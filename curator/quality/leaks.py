"""Leaks: which texts hold an evaluation item, whole or nearly so.

An index of the items' shingles (runs of three words) is asked for every shingle of a text. A text holds an item when it
has at least `least` of the item's telling shingles, or all but those of one word; a shingle that more than 64 items
have tells nothing. So an item is found in the middle of a longer text, and with a word changed. Its numbers must all be
there: of the items that one template made, only the right one is meant. An item of fewer than four words must be one
whole side of the text.

Z is the number of different telling shingles, E that of items, T that of texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from curator.quality.sketches import WIDTH
from curator.quality.stars import side_shingles
from curator.quality.words import NUMBER, SIGN, Texts, next_word, stirred, tables, texts_of, words_of

LEAST = 0.8
"""Share of an item's telling shingles that a text must have."""
_ONE_WORD = 8
"""Shingles from which on an item may lack those of one word, which are three."""
_COMMON = 64
_FEW_WORDS = 4
_MARKS = 1 << 19
_MARK_SHIFT = np.uint64(64 - 19)
_AT_ONCE = 8_192


class Leaks(NamedTuple):
    """The item that each text holds."""

    item: NDArray[np.int64]
    """Place of the item of which most is there, -1 for none, (T,)."""
    share: NDArray[np.float64]
    """Share of its telling shingles, (T,)."""


class Items(NamedTuple):
    """Evaluation items, ready to be looked for."""

    keys: NDArray[np.uint64]
    """Shingles in a hash table by open addressing, 0 for an empty place, (a power of two,)."""
    numbers: NDArray[np.int32]
    """Number of each, below Z."""
    marks: NDArray[np.uint8]
    """1 where some shingle begins with these bits: most of a text end here, in a table that stays in the cache."""
    first: NDArray[np.int64]
    """Where the items of each shingle begin in `items`, (Z + 1,)."""
    items: NDArray[np.int32]
    sizes: NDArray[np.int32]
    """Telling shingles of each item, 0 for one that must be a whole side, (E,)."""
    wholes: NDArray[np.uint64]
    """Hashes of all words of those, sorted."""
    whole_items: NDArray[np.int64]
    """The items of `wholes`."""
    figures: NDArray[np.uint64]
    """Numbers and signs of each item, (F,)."""
    figures_first: NDArray[np.int64]
    """Where those of each item begin, (E + 1,)."""


def items_of(texts: Sequence[str]) -> Items:
    """The index of some evaluation items; an item without words is never found."""
    words = words_of(texts_of(texts))
    runs, figures, wholes = [], [], []
    for n, (start, end) in enumerate(pairwise(words.first.tolist())):
        own = words.hashes[start:end]
        figures.append(own[np.isin(words.kinds[start:end], (NUMBER, SIGN))])
        run = np.empty(max(1, end - start), np.uint64)
        runs.append(np.unique(run[: side_shingles(words.hashes, start, end, WIDTH, run, 0)]))
        wholes.append((int(_whole(own)), n) if end > start else (0, n))
    every = np.concatenate([*runs, np.empty(0, np.uint64)])
    item_of = np.repeat(np.arange(len(runs), dtype=np.int32), [len(run) for run in runs])
    lengths = np.diff(words.first)
    is_long = lengths[item_of] >= _FEW_WORDS if len(item_of) else np.empty(0, bool)
    values, number, counts = np.unique(every[is_long], return_inverse=True, return_counts=True)
    is_telling = counts <= _COMMON
    kept = is_telling[number]
    renumbered = np.cumsum(is_telling) - 1
    number, item_of, values = renumbered[number[kept]], item_of[is_long][kept], values[is_telling]
    order = np.argsort(number, kind="stable")
    first = np.concatenate([[0], np.cumsum(np.bincount(number, minlength=len(values)))]).astype(np.int64)
    sizes = np.bincount(item_of, minlength=len(runs)).astype(np.int32)
    whole = sorted(each for each in wholes if each[0] and not sizes[each[1]])
    keys, numbers, marks = _table(values)
    return Items(
        keys, numbers, marks, first, item_of[order].astype(np.int32), sizes,
        np.array([each[0] for each in whole], np.uint64),
        np.array([each[1] for each in whole], np.int64), np.concatenate([*figures, np.empty(0, np.uint64)]),
        np.concatenate([[0], np.cumsum([len(each) for each in figures])]).astype(np.int64),
    )  # fmt: skip


def find_leaks(items: Items, texts: Texts, *, least: float = LEAST, threads: int = 1) -> Leaks:
    """The item that each text holds, on either side.

    Args:
        items: Of `items_of`.
        texts: Of any length.
        least: Share of the telling shingles of an item that must be there.
        threads: How many work at once; the result does not depend on it.
    """
    leaks = Leaks(np.full(len(texts), -1, np.int64), np.zeros(len(texts)))
    fold, kind = tables()

    def work(start: int) -> None:
        end = min(len(texts), start + _AT_ONCE)
        _match(
            texts.one.data, texts.one.first[start : end + 1], texts.other.data, texts.other.first[start : end + 1],
            fold, kind, *items, least, leaks.item[start:end], leaks.share[start:end],
        )  # fmt: skip

    starts = range(0, len(texts), _AT_ONCE)
    if threads < 2 or len(starts) < 2:
        for start in starts:
            work(start)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, starts))
    return leaks


@numba.njit(nogil=True, cache=True)
def _whole(hashes):  # type: ignore[no-untyped-def]
    whole = np.uint64(1)
    for each in hashes:
        whole = stirred(whole + each)
    return whole


@numba.njit(nogil=True, cache=True)
def _table(values):  # type: ignore[no-untyped-def]
    size = 16
    while size < 4 * len(values):
        size *= 2
    keys, numbers = np.zeros(size, np.uint64), np.zeros(size, np.int32)
    marks = np.zeros(_MARKS, np.uint8)
    for n in range(len(values)):
        at = np.int64(values[n] & np.uint64(size - 1))
        while keys[at] != 0:
            at = (at + 1) & (size - 1)
        keys[at], numbers[at] = values[n], n
        marks[np.int64(values[n] >> _MARK_SHIFT)] = 1
    return keys, numbers, marks


@numba.njit(nogil=True, cache=True)
def _match(  # type: ignore[no-untyped-def]
    one, one_first, other, other_first, fold, kind, keys, numbers, marks, first, items, sizes, wholes, whole_items,
    figures, figures_first, least, item, share
):  # fmt: skip
    seen = np.full(len(first), -1, np.int64)  # the last text in which a shingle was
    held = np.zeros(len(sizes), np.int32)
    touched = np.empty(len(sizes), np.int32)
    own_figures = np.empty(64, np.uint64)
    for n in range(len(one_first) - 1):
        count, figure_count = 0, 0
        for side in range(2):
            data, start = (one, one_first) if side == 0 else (other, other_first)
            at, end, begins = start[n], start[n + 1], True
            a, b, words, whole = np.uint64(0), np.uint64(0), 0, np.uint64(1)
            while True:
                hashed, what, at, begins = next_word(data, at, end, fold, kind, begins)
                if hashed == 0:
                    break
                words += 1
                whole = stirred(whole + hashed)
                if what == NUMBER or what == SIGN:
                    if figure_count == len(own_figures):
                        more = np.empty(2 * figure_count, np.uint64)
                        more[:figure_count] = own_figures
                        own_figures = more
                    own_figures[figure_count] = hashed
                    figure_count += 1
                shingle = stirred(stirred(stirred(a) + b) + hashed)
                if words >= WIDTH and marks[np.int64(shingle >> _MARK_SHIFT)]:
                    place = np.int64(shingle & np.uint64(len(keys) - 1))
                    while keys[place] != 0 and keys[place] != shingle:
                        place = (place + 1) & (len(keys) - 1)
                    number = numbers[place]
                    if keys[place] == shingle and seen[number] != n:
                        seen[number] = n
                        for m in range(first[number], first[number + 1]):
                            if held[items[m]] == 0:
                                touched[count] = items[m]
                                count += 1
                            held[items[m]] += 1
                a, b = b, hashed
            if words > 0 and item[n] < 0:
                place = np.searchsorted(wholes, whole)
                if place < len(wholes) and wholes[place] == whole:
                    item[n], share[n] = whole_items[place], 1.0
        for m in range(count):
            each = touched[m]
            shared = held[each]
            value = shared / sizes[each]
            held[each] = 0
            is_better = value > share[n] or (value == share[n] and (item[n] < 0 or each < item[n]))
            is_near = value >= least or (sizes[each] >= _ONE_WORD and sizes[each] - shared <= WIDTH)
            if not is_near or not is_better:
                continue
            has_all = True
            for k in range(figures_first[each], figures_first[each + 1]):
                is_there = False
                for j in range(figure_count):
                    is_there = is_there or own_figures[j] == figures[k]
                has_all = has_all and is_there
            if has_all:
                item[n], share[n] = each, value
