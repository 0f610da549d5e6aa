"""Stars: groups of near duplicates around a text that is kept, each member compared with that text itself.

Sketches nominate and exact similarity decides; a chain of small steps never joins two texts that are not alike. Texts
are taken in the order in which they would be kept. Each is compared with the kept texts that share a band with it, and
either joins the most similar one or is kept too. A text joins when

- the Jaccard index of their shingles is at least `least`, and on both sides of a pair most words are the same,
- their numbers and the signs that calculate or compare are the same,
- they do not differ in the slot of a template. A slot is a place where at least a quarter of the texts around one kept
  text (those that share half of their shingles with it), and three of them, have something of their own. Two texts
  alone differ in a slot when a name, or a word of code, stands for another one, or when a word is exchanged for the
  same other word twice.

Work is bounded: a bucket of texts that are all kept is asked for the first 256 of them, and a text is compared with the
64 that share the most bands. A million near copies of one text are a million comparisons.

P is the number of texts that share a band with another one.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from curator.quality.sketches import BANDS, WIDTH, buckets_of, sketches_of
from curator.quality.sorting import differs
from curator.quality.words import NAME, Texts, Words, joined, stirred, taken, words_of

LEAST = 0.8
"""Jaccard index from which on two texts are near duplicates."""
LEAST_OF_SIDE = 0.6
"""Share of the words of each side of a pair that must be the same, in order."""
_PER_BUCKET = 256
_COMPARED = 64
_FAMILY = 0.5
"""Jaccard index from which on a text that is no near duplicate may show the slots of a template."""
_RELATIVES = 8
"""Kept texts that a text is remembered as a relative of."""
_EDITS = 512
"""Edits beyond which words are not aligned: only texts of thousands of words reach it."""
_ROUNDS = 4
_SAMPLE = 2_000
"""Texts of one star from which its slots are learnt."""
_SLOT_TEXTS = 3
"""Texts that must have something of their own in one place, of so many kinds together with the usual one."""
_SLOT_SHARE = 0.25
"""The same as a share of all texts; edits by chance are spread over a text and meet in one place less often."""
_ROUNDING = 1e-12


class Stars(NamedTuple):
    """What became of T texts."""

    kept: NDArray[np.int64]
    """Place of the text that stands for each: itself, or the one that it is a near duplicate of, (T,)."""
    similarity: NDArray[np.float64]
    """Jaccard index with that text, (T,); 1 for itself."""


def candidates(bands: NDArray[np.uint64], *, threads: int = 1) -> NDArray[np.int64]:
    """Places of the texts that share a band with another one, ascending; only their words are needed."""
    return np.flatnonzero((buckets_of(bands, threads=threads) >= 0).any(axis=1))


def stars_of(
    bands: NDArray[np.uint64],
    words: Words,
    *,
    rank: NDArray[np.int64],
    least: float = LEAST,
    threads: int = 1,
) -> Stars:
    """The stars among P texts.

    Args:
        bands: Of `sketches_of`, (P, BANDS).
        words: Of the same texts.
        rank: Place of each in the order of keeping, (P,), all different; the smallest of a star is kept.
        least: Jaccard index from which on two texts are near duplicates.
        threads: How many work at once; the result does not depend on it.
    """
    count = len(bands)
    kept, similarity = np.arange(count), np.ones(count)
    pending = np.flatnonzero(np.diff(words.first) > 0)  # nothing is like a text without words
    pending = pending[np.argsort(rank[pending], kind="stable")]
    slots = np.zeros(count, np.uint64)
    shingles = _Shingles(*_shingles(words.hashes, words.first, words.border, WIDTH))
    for _ in range(_ROUNDS):
        if len(pending) < 2:
            break
        mixed = bands[pending] if not slots.any() else _mixed(bands[pending], slots[pending])
        buckets = buckets_of(mixed, threads=threads)
        star, index, relatives = _join(buckets, pending, shingles.hashes, shingles.first, least - _ROUNDING)
        joined = np.flatnonzero(star != np.arange(len(pending)))
        if not len(joined):
            break
        member, centre = pending[joined], pending[star[joined]]
        stays = _slots(member, centre, _families(pending, relatives), words, slots)
        stays[stays] = _same(member[stays], centre[stays], words.hashes, words.kinds, words.first, words.border)
        kept[member[stays]], similarity[member[stays]] = centre[stays], index[joined[stays]]
        left = np.zeros(len(pending), bool)
        left[joined[~stays]] = True
        pending = pending[left]
    return Stars(kept, similarity)


def find_stars(
    texts: Sequence[Texts],
    *,
    rank: NDArray[np.int64],
    must_agree: NDArray[np.uint64] | None = None,
    least: float = LEAST,
    threads: int = 1,
) -> Stars:
    """The stars among all texts of some batches, as `stars_of` finds them among candidates.

    Args:
        texts: In batches, T in all.
        rank: Place of each in the order of keeping, (T,), all different.
        must_agree: What near duplicates must have in common, (T,).
        least: Jaccard index from which on two texts are near duplicates.
        threads: How many work at once; the result does not depend on it.
    """
    bands = np.empty((len(rank), BANDS), np.uint64)
    start = 0
    for batch in texts:
        agreed = None if must_agree is None else must_agree[start : start + len(batch)]
        bands[start : start + len(batch)] = sketches_of(batch, must_agree=agreed, threads=threads)
        start += len(batch)
    places = candidates(bands, threads=threads)
    first = np.cumsum([0, *map(len, texts)]).tolist()
    some = [
        taken(batch, places[(places >= start) & (places < end)] - start)
        for batch, (start, end) in zip(texts, pairwise(first), strict=True)
    ]
    found = stars_of(bands[places], words_of(joined(some)), rank=rank[places], least=least, threads=threads)
    kept, similarity = np.arange(len(rank)), np.ones(len(rank))
    kept[places], similarity[places] = places[found.kept], found.similarity
    return Stars(kept, similarity)


def similarities(words: Words, ones: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.float64]:
    """Jaccard indices of the shingles of pairs of texts, (Q,); 0 where neither has a word.

    Args:
        words: Of all texts.
        ones: Places of texts, (Q,).
        others: Places of the others, (Q,).
    """
    hashes, first = _shingles(words.hashes, words.first, words.border, WIDTH)
    return np.asarray(_jaccards(hashes, first, ones, others), np.float64)


class _Shingles(NamedTuple):
    """The different shingles of each text, sorted."""

    hashes: NDArray[np.uint64]
    first: NDArray[np.int64]


@numba.njit(nogil=True, cache=True)
def _mixed(bands, keys):  # type: ignore[no-untyped-def]
    mixed = np.empty_like(bands)
    for n in range(bands.shape[0]):
        for band in range(bands.shape[1]):
            mixed[n, band] = stirred(bands[n, band] + stirred(keys[n] + np.uint64(1)))
    return mixed


@numba.njit(nogil=True, cache=True)
def side_shingles(hashes, start, end, width, out, at):  # type: ignore[no-untyped-def]
    """Write the shingles of a run of words in their order, of few words the run itself. Returns where they end."""
    if start == end:
        return at
    for n in range(start, max(start + 1, end - width + 1)):
        mixed = np.uint64(end - start) if end - start < width else np.uint64(0)
        for m in range(n, min(n + width, end)):
            mixed = stirred(mixed + hashes[m])
        out[at] = mixed
        at += 1
    return at


@numba.njit(nogil=True, cache=True)
def _shingles(hashes, first, border, width):  # type: ignore[no-untyped-def]
    out = np.empty(len(hashes), np.uint64)
    starts = np.zeros(len(first), np.int64)
    at = 0
    for n in range(len(first) - 1):
        end = side_shingles(hashes, first[n], border[n], width, out, at)
        end = side_shingles(hashes, border[n], first[n + 1], width, out, end)
        some = np.sort(out[at:end])
        for m in range(len(some)):
            if m == 0 or some[m] != some[m - 1]:
                out[at] = some[m]
                at += 1
        starts[n + 1] = at
    return out[:at].copy(), starts


@numba.njit(nogil=True, cache=True)
def _jaccard(hashes, first, one, other):  # type: ignore[no-untyped-def]
    a, b = first[one], first[other]
    a_end, b_end = first[one + 1], first[other + 1]
    total, common = a_end - a + b_end - b, 0
    if total == 0:
        return 0.0
    while a < a_end and b < b_end:
        if hashes[a] == hashes[b]:
            common += 1
            a += 1
            b += 1
        elif hashes[a] < hashes[b]:
            a += 1
        else:
            b += 1
    return common / (total - common)


@numba.njit(nogil=True, cache=True)
def _jaccards(hashes, first, ones, others):  # type: ignore[no-untyped-def]
    values = np.empty(len(ones))
    for n in range(len(ones)):
        values[n] = _jaccard(hashes, first, ones[n], others[n])
    return values


@numba.njit(nogil=True, cache=True)
def _join(buckets, places, hashes, first, least):  # type: ignore[no-untyped-def]
    """For each text, in the order of keeping, the kept one that it joins or itself, their index, and its relatives."""
    count, bands = buckets.shape
    sizes = np.zeros(buckets.max() + 2, np.int64)
    for n in range(count):
        for band in range(bands):
            sizes[buckets[n, band] + 1] += 1
    start = np.zeros(len(sizes), np.int64)  # bucket b holds its kept texts from start[b] on
    for b in range(1, len(sizes)):
        start[b] = start[b - 1] + min(sizes[b], _PER_BUCKET)
    holds, used = np.empty(start[-1], np.int32), np.zeros(len(sizes), np.int32)
    star, index = np.arange(count), np.ones(count)
    seen, shared = np.full(count, -1, np.int64), np.zeros(count, np.int32)
    near = np.empty(bands * _PER_BUCKET, np.int64)
    relatives = np.full((count, _RELATIVES), -1, np.int32)
    for n in range(count):
        found = 0
        for band in range(bands):
            bucket = buckets[n, band]
            if bucket < 0:
                continue
            for place in range(start[bucket], start[bucket] + used[bucket]):
                other = holds[place]
                if seen[other] != n:
                    seen[other], shared[other] = n, 0
                    near[found] = other
                    found += 1
                shared[other] += 1
        enough = 1
        if found > _COMPARED:
            by_shared = np.zeros(bands + 1, np.int64)
            for m in range(found):
                by_shared[shared[near[m]]] += 1
            enough, compared = bands, by_shared[bands]
            while enough > 1 and compared + by_shared[enough - 1] <= _COMPARED:
                enough -= 1
                compared += by_shared[enough]
        best, best_index, tried, related = -1, 0.0, 0, 0
        own = first[places[n] + 1] - first[places[n]]
        for m in range(found):
            other = near[m]
            if shared[other] < enough or tried >= _COMPARED:
                continue
            size = first[places[other] + 1] - first[places[other]]
            if min(own, size) < min(least, _FAMILY) * max(own, size):
                continue
            tried += 1
            value = _jaccard(hashes, first, places[n], places[other])
            if value >= _FAMILY and related < _RELATIVES:
                relatives[n, related] = other
                related += 1
            if value >= least and (value > best_index or (value == best_index and other < best)):
                best, best_index = other, value
        if best >= 0:
            star[n], index[n] = best, best_index
            continue
        for band in range(bands):
            bucket = buckets[n, band]
            if bucket >= 0 and used[bucket] < start[bucket + 1] - start[bucket]:
                holds[start[bucket] + used[bucket]] = n
                used[bucket] += 1
    return star, index, relatives


def _families(places: NDArray[np.int64], relatives: NDArray[np.int32]) -> _Families:
    """The relatives of every text, both ways."""
    one, column = np.nonzero(relatives >= 0)
    other = relatives[one, column]
    pairs = np.concatenate([np.column_stack([one, other]), np.column_stack([other, one])])
    pairs = places[pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]]
    order = np.argsort(pairs[:, 0], kind="stable")
    return _Families(pairs[order, 0], pairs[order, 1])


class _Families(NamedTuple):
    """Pairs of texts that share half of their shingles."""

    texts: NDArray[np.int64]
    """Ascending."""
    relatives: NDArray[np.int64]

    def of(self, text: int) -> NDArray[np.int64]:
        """The first relatives of a text."""
        start, end = np.searchsorted(self.texts, [text, text + 1])
        return self.relatives[start : min(end, start + _COMPARED)]


def _slots(
    member: NDArray[np.int64],
    centre: NDArray[np.int64],
    families: _Families,
    words: Words,
    slots: NDArray[np.uint64],
) -> NDArray[np.bool_]:
    """Whether each member fills the slots of its star as the kept text does; note what it fills them with in `slots`.

    Only texts that fill the slots alike may meet again.
    """
    stays = np.ones(len(member), bool)
    order = np.argsort(centre, kind="stable")
    starts = np.flatnonzero(differs(centre[order]))
    for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(order)], strict=True):
        some = order[start:end]
        own = np.concatenate([centre[some[:1]], member[some]])
        others = np.setdiff1d(families.of(int(own[0])), own)
        if len(own) + len(others) < _SLOT_TEXTS:
            continue
        found = _slots_of(np.concatenate([own[:_SAMPLE], others]), words)
        if found is None:
            continue
        filled, agrees = _filled(words.hashes, words.first, words.border, own, WIDTH, *found)
        differ = ~agrees[1:]
        stays[some[differ]] = False
        expelled = member[some[differ]]
        slots[expelled] = _mixed(slots[expelled, None], filled[1:][differ])[:, 0]
    return stays


def _slots_of(sample: NDArray[np.int64], words: Words) -> tuple[NDArray[np.uint64], NDArray[np.uint64]] | None:
    """The shingles of the template that a sample shows, and those that a slot follows; None where it shows none."""
    runs = [_ordered(words.hashes, words.first, words.border, int(text), WIDTH) for text in sample]
    every = np.concatenate([np.unique(run) for run in runs])
    values, counts = np.unique(every, return_counts=True)
    template = values[counts * 2 > len(sample)]
    if not len(template):
        return None
    before = np.concatenate([_gaps(run, template) for run in runs])  # (gap, what stands there) of every text
    gaps, theirs = np.unique(before, axis=0, return_counts=True)
    places, kinds = np.unique(gaps[:, 0], return_counts=True)
    texts_there = np.bincount(np.searchsorted(places, gaps[:, 0]), weights=theirs)
    is_slot = (kinds >= _SLOT_TEXTS - 1) & (texts_there >= max(_SLOT_TEXTS, _SLOT_SHARE * len(sample)))
    return (template, places[is_slot]) if is_slot.any() else None


@numba.njit(nogil=True, cache=True)
def _ordered(hashes, first, border, text, width):  # type: ignore[no-untyped-def]
    out = np.empty(first[text + 1] - first[text], np.uint64)
    end = side_shingles(hashes, first[text], border[text], width, out, 0)
    return out[: side_shingles(hashes, border[text], first[text + 1], width, out, end)]


@numba.njit(nogil=True, cache=True)
def _holds(values, wanted):  # type: ignore[no-untyped-def]
    place = np.searchsorted(values, wanted)
    return place < len(values) and values[place] == wanted


@numba.njit(nogil=True, cache=True)
def _gaps(run, template):  # type: ignore[no-untyped-def]
    """The shingle before each gap in the template, and a hash of what stands in it; a gap counts once."""
    out = np.empty((len(run), 2), np.uint64)
    count = 0
    before, inside, is_gap = np.uint64(0), np.uint64(0), False
    for n in range(len(run) + 1):
        is_known = n < len(run) and _holds(template, run[n])
        if n < len(run) and not is_known:
            inside, is_gap = stirred(inside + run[n]), True
            continue
        if is_gap:
            is_new = True
            for m in range(count):
                is_new = is_new and out[m, 0] != before
            if is_new:
                out[count, 0], out[count, 1] = before, inside
                count += 1
        if n < len(run):
            before, inside, is_gap = run[n], np.uint64(0), False
    return out[:count].copy()


@numba.njit(nogil=True, cache=True)
def _inside(run, template, slots):  # type: ignore[no-untyped-def]
    """The shingles in the slots of a text, each behind the shingle that its slot follows."""
    out = np.empty((len(run), 2), np.uint64)
    count, before = 0, np.uint64(0)
    is_slot = _holds(slots, before)
    for n in range(len(run)):
        if _holds(template, run[n]):
            before, is_slot = run[n], _holds(slots, run[n])
        elif is_slot:
            out[count, 0], out[count, 1] = before, run[n]
            count += 1
    return out[:count]


@numba.njit(nogil=True, cache=True)
def _contains(values, inside, slot):  # type: ignore[no-untyped-def]
    """Whether all that is in a slot is among sorted values, and how much that is."""
    count = 0
    for n in range(len(inside)):
        if inside[n, 0] == slot:
            if not _holds(values, inside[n, 1]):
                return False, 1
            count += 1
    return True, count


@numba.njit(nogil=True, cache=True)
def _filled(hashes, first, border, texts, width, template, slots):  # type: ignore[no-untyped-def]
    """For each text a hash of what is in its slots, and whether that is what the first text has there.

    An edit beside a slot adds to what is in it, so it is enough that one text has all that the other has there.
    """
    out, agrees = np.zeros(len(texts), np.uint64), np.ones(len(texts), np.bool_)
    kept = _ordered(hashes, first, border, texts[0], width)
    kept_inside = _inside(kept, template, slots)
    kept = np.sort(kept)
    for n in range(len(texts)):
        run = _ordered(hashes, first, border, texts[n], width)
        inside = _inside(run, template, slots)
        for m in range(len(inside)):
            out[n] = stirred(out[n] + stirred(inside[m, 0]) + inside[m, 1])
        run = np.sort(run)
        for slot in slots:
            in_kept, count = _contains(kept, inside, slot)
            in_text, kept_count = _contains(run, kept_inside, slot)
            if (count == 0) != (kept_count == 0) or not (in_kept or in_text):
                agrees[n] = False
    return out, agrees


@numba.njit(nogil=True, cache=True)
def _same(members, centres, hashes, kinds, first, border):  # type: ignore[no-untyped-def]
    """Whether each member says the same as its kept text: no name for another one, and most of each side shared."""
    same = np.ones(len(members), np.bool_)
    for n in range(len(members)):
        one, other = members[n], centres[n]
        changed = np.empty((_EDITS, 2), np.uint64)  # words that stand for others
        count = 0
        for side in range(2):
            a = first[one] if side == 0 else border[one]
            a_end = border[one] if side == 0 else first[one + 1]
            b = first[other] if side == 0 else border[other]
            b_end = border[other] if side == 0 else first[other + 1]
            total = a_end - a + b_end - b
            if total == 0:
                continue
            gone, came = _edit(hashes[a:a_end], hashes[b:b_end])
            if len(gone) == 1 and gone[0] < 0:  # too many edits to align
                continue
            shared = (total - len(gone) - len(came)) // 2
            if shared < LEAST_OF_SIDE * (total - shared):
                same[n] = False
                break
            at, to = 0, 0
            while at < len(gone) and to < len(came):
                # a word that went and one that came where it stood: the same number of kept words before both
                before, behind = gone[at] - at, came[to] - to
                if before < behind:
                    at += 1
                elif behind < before:
                    to += 1
                else:
                    old, new = a + gone[at], b + came[to]
                    if kinds[old] == NAME and kinds[new] == NAME:
                        same[n] = False
                    if count < _EDITS:
                        changed[count, 0], changed[count, 1] = hashes[old], hashes[new]
                        count += 1
                    at += 1
                    to += 1
        for m in range(count):
            for k in range(m):
                if changed[m, 0] == changed[k, 0] and changed[m, 1] == changed[k, 1]:
                    same[n] = False
    return same


@numba.njit(nogil=True, cache=True)
def _edit(one, other):  # type: ignore[no-untyped-def]
    """Places of the words that go and that come, in the shortest way from one run of words to another.

    Myers (1986), "An O(ND) Difference Algorithm and Its Variations". `[-1]` where it takes too many edits.
    """
    a, b = len(one), len(other)
    head = 0
    while head < a and head < b and one[head] == other[head]:
        head += 1
    tail = 0
    while tail < a - head and tail < b - head and one[a - 1 - tail] == other[b - 1 - tail]:
        tail += 1
    a, b = a - head - tail, b - head - tail
    most = min(a + b, _EDITS)
    reach = np.zeros(2 * most + 3, np.int64)
    trace = np.zeros((most + 1, 2 * most + 3), np.int32)
    edits = -1
    for d in range(most + 1):
        trace[d] = reach
        for k in range(-d, d + 1, 2):
            down = k == -d or (k != d and reach[most + 1 + k - 1] < reach[most + 1 + k + 1])
            x = reach[most + 1 + k + 1] if down else reach[most + 1 + k - 1] + 1
            while x < a and x - k < b and x - k >= 0 and one[head + x] == other[head + x - k]:
                x += 1
            reach[most + 1 + k] = x
            if x >= a and x - k >= b:
                edits = d
                break
        if edits >= 0:
            break
    if edits < 0:
        return np.full(1, -1, np.int64), np.full(1, -1, np.int64)
    gone, came = np.empty(edits, np.int64), np.empty(edits, np.int64)
    gone_count, came_count = 0, 0
    x, y = a, b
    for d in range(edits, 0, -1):
        k = x - y
        down = k == -d or (k != d and trace[d, most + 1 + k - 1] < trace[d, most + 1 + k + 1])
        before = k + 1 if down else k - 1
        x = trace[d, most + 1 + before]
        y = x - before
        if down:
            came[came_count] = head + y
            came_count += 1
        else:
            gone[gone_count] = head + x
            gone_count += 1
    return gone[:gone_count][::-1].copy(), came[:came_count][::-1].copy()
