"""Sketches: MinHash signatures of texts in bands, by which near duplicates find each other.

The set of a text is that of its shingles, runs of three words. For each of the hash functions a sketch holds the
smallest value over the set; two sketches agree in one of them with the probability of their Jaccard index J. Seven at a
time are a band, and texts that share one of twenty bands are candidates: with probability 1 - (1 - J^7)^20, which is
.99 at J = .8 and .15 at J = .5. A band is mixed with what must be equal in any case (the numbers of the text), so that
sums and dates of one template never meet.

Broder (1997), "On the Resemblance and Containment of Documents"; Leskovec, Rajaraman and Ullman, "Mining of Massive
Datasets", section 3.4.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
from numpy.typing import NDArray

from curator.quality.sorting import differs, ordered
from curator.quality.words import NUMBER, SIGN, Texts, next_word, stirred, tables

WIDTH = 3
"""Words of a shingle."""
BANDS = 20
ROWS = 7
_AT_ONCE = 8_192
"""Texts that one call sketches."""
_MULTIPLIERS = np.random.Generator(np.random.PCG64(20_260_101)).integers(1, 2**32, BANDS * ROWS, np.uint32) | 1


def sketches_of(texts: Texts, *, must_agree: NDArray[np.uint64] | None = None, threads: int = 1) -> NDArray[np.uint64]:
    """Hashes of the bands of every pair of texts, (T, BANDS).

    Args:
        texts: Of any length.
        must_agree: What else texts must have in common to be candidates, (T,).
        threads: How many work at once; the result does not depend on it.
    """
    bands = np.empty((len(texts), BANDS), np.uint64)
    agreed = np.zeros(len(texts), np.uint64) if must_agree is None else must_agree
    fold, kind = tables()

    def work(start: int) -> None:
        end = min(len(texts), start + _AT_ONCE)
        _sketch(
            texts.one.data, texts.one.first[start : end + 1], texts.other.data, texts.other.first[start : end + 1],
            fold, kind, agreed[start:end], _MULTIPLIERS, bands[start:end],
        )  # fmt: skip

    _each(work, range(0, len(texts), _AT_ONCE), threads)
    return bands


def text_hashes(texts: Texts, *, threads: int = 1) -> NDArray[np.uint64]:
    """128 bits for each pair of texts, equal where they are equal but for case (of ASCII) and blanks, (T, 2)."""
    hashes = np.empty((len(texts), 2), np.uint64)

    def work(start: int) -> None:
        end = start + _AT_ONCE
        _hash(
            texts.one.data, texts.one.first[start : end + 1], texts.other.data, texts.other.first[start : end + 1],
            hashes[start:end],
        )  # fmt: skip

    _each(work, range(0, len(texts), _AT_ONCE), threads)
    return hashes


def first_places(hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """For each text the place of the first one with the same `text_hashes`, (T,)."""
    order, low = ordered(np.ascontiguousarray(hashes[:, 0]))
    high = hashes[order, 1]
    is_new = differs(low) | differs(high)
    if (is_new & ~differs(low)).any():  # half of a hash is shared by chance: as good as never
        order = np.lexsort((hashes[:, 1], hashes[:, 0]))
        is_new = differs(hashes[order, 0]) | differs(hashes[order, 1])
    first = np.empty(len(order), np.int64)
    first[order] = order[is_new][np.cumsum(is_new) - 1]
    return first


@numba.njit(nogil=True, cache=True)
def _hash(one_data, one_first, other_data, other_first, hashes):  # type: ignore[no-untyped-def]
    for n in range(len(one_first) - 1):
        low, high = np.uint64(1), np.uint64(2)
        for side in range(2):
            data, first = (one_data, one_first) if side == 0 else (other_data, other_first)
            chunk, filled, is_gap, begun = np.uint64(0), 0, False, False
            for place in range(first[n], first[n + 1]):
                byte = data[place]
                if byte <= 32:
                    is_gap = begun
                    continue
                if 65 <= byte <= 90:
                    byte += 32
                for k in range(2):
                    if k == 0 and not is_gap:
                        continue
                    chunk = (chunk << np.uint64(8)) | np.uint64(32 if k == 0 else byte)
                    filled += 1
                    if filled == 8:
                        low = (low ^ chunk) * np.uint64(0x9E3779B97F4A7C15)
                        low ^= low >> np.uint64(32)
                        high = (high + chunk) * np.uint64(0xBF58476D1CE4E5B9)
                        high ^= high >> np.uint64(29)
                        chunk, filled = np.uint64(0), 0
                is_gap, begun = False, True
            low = stirred(low + chunk + np.uint64(filled + 16))
            high = stirred((high ^ chunk) + np.uint64(filled + 32))
        hashes[n, 0], hashes[n, 1] = low, high


def buckets_of(bands: NDArray[np.uint64], *, threads: int = 1) -> NDArray[np.int32]:
    """For each text and band the number of its bucket, -1 where no other text has the same, (T, bands)."""
    buckets = np.full(bands.shape, -1, np.int32)
    counts = np.zeros(bands.shape[1], np.int64)

    def work(band: int) -> None:
        order, in_order = ordered(np.ascontiguousarray(bands[:, band]))
        is_new = differs(in_order)
        is_shared = ~is_new
        is_shared[:-1] |= ~is_new[1:]
        number = np.cumsum(is_new[is_shared], dtype=np.int32) - 1
        buckets[order[is_shared], band] = number
        counts[band] = int(number[-1]) + 1 if len(number) else 0

    _each(work, range(bands.shape[1]), threads)
    before = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int32)
    for band, start in enumerate(before.tolist()):
        buckets[:, band] += np.where(buckets[:, band] >= 0, start, 0).astype(np.int32)
    return buckets


def _each(work: Callable[[int], None], tasks: range, threads: int) -> None:
    if threads < 2 or len(tasks) < 2:
        for task in tasks:
            work(task)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, tasks))


@numba.njit(nogil=True, cache=True)
def _sketch(  # type: ignore[no-untyped-def]
    one_data, one_first, other_data, other_first, fold, kind, agreed, multipliers, bands
):
    size = len(multipliers)
    least = np.empty(size, np.uint32)
    for n in range(len(one_first) - 1):
        least[:] = np.uint32(0xFFFFFFFF)
        key = stirred(agreed[n])
        for side in range(2):
            data, first = (one_data, one_first) if side == 0 else (other_data, other_first)
            at, end, begins = first[n], first[n + 1], True
            one, two, words = np.uint64(0), np.uint64(0), 0
            while True:
                hashed, what, at, begins = next_word(data, at, end, fold, kind, begins)
                if hashed == 0 and (words == 0 or words >= WIDTH):
                    break
                if hashed != 0:
                    if what == NUMBER or what == SIGN:
                        key = stirred(key + hashed)
                    words += 1
                if words >= WIDTH or hashed == 0:  # a side of fewer words is one shingle
                    shingle = stirred(stirred(one) + two)
                    shingle = np.uint32(stirred(shingle + hashed) >> np.uint64(32))
                    for k in range(size):
                        value = np.uint32(shingle * multipliers[k])  # numba widens products
                        least[k] = min(least[k], value)
                if hashed == 0:
                    break
                one, two = two, hashed
        for band in range(bands.shape[1]):
            mixed = key + np.uint64(band)
            for row in range(ROWS):
                mixed = stirred(mixed + np.uint64(least[band * ROWS + row]))
            bands[n, band] = mixed
