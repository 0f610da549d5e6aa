"""Choosing a subset by quality and diversity: greedy facility location inside each topic.

Facility location (Lin and Bilmes 2011) counts how well a sample of the whole is represented: each text of it by the
likest one that was chosen. Greedy choice reaches at least 63 % of the best that is possible (Nemhauser et al. 1978);
quality is added to the gain. Topics share the places first, which keeps the small ones and makes a million texts
feasible.

N texts, K dimensions, R texts that represent a topic.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_REPRESENTED = 1_000
_REFERENCE = 5_000


def choose(
    vectors: NDArray[np.float16],
    topic_of: NDArray[np.int16],
    quality: NDArray[np.float32],
    *,
    count: int,
    weight: float,
    balance: float,
) -> list[int]:
    """Places of the chosen texts, topic by topic, in each the first chosen first.

    Args:
        vectors: Of length 1 or 0, (N, K), in an order that depends on the texts alone.
        topic_of: (N,).
        quality: From 0 to 1, (N,).
        count: How many; at most N.
        weight: Of quality, from 0 to 1.
        balance: Places of a topic grow with its size to this power.
    """
    topics, sizes = np.unique(topic_of, return_counts=True)
    places: list[int] = []
    for topic, quota in zip(topics.tolist(), share_out(sizes.tolist(), count=count, balance=balance), strict=True):
        members = np.flatnonzero(topic_of == topic)
        inside = _greedy(np.asarray(vectors[members], np.float32), quality[members], quota, weight)
        places += members[inside].tolist()
    return places


def share_out(sizes: Sequence[int], *, count: int, balance: float) -> list[int]:
    """How many places each topic gets: by its size to the power of `balance`, and never more than it has texts.

    Example:
        >>> share_out([90, 9, 1], count=10, balance=1), share_out([90, 9, 1], count=10, balance=0)
        ([9, 1, 0], [5, 4, 1])
    """
    quotas = [0] * len(sizes)
    left = min(count, sum(sizes))
    while left:
        open_topics = [n for n, size in enumerate(sizes) if quotas[n] < size]
        total = sum(sizes[n] ** balance for n in open_topics)
        wanted = {n: left * sizes[n] ** balance / total for n in open_topics}
        given = {n: min(int(wanted[n]), sizes[n] - quotas[n]) for n in open_topics}
        remainders = sorted(open_topics, key=lambda n: (int(wanted[n]) - wanted[n], n))
        for n in remainders[: left - sum(int(each) for each in wanted.values())]:  # the largest remainders
            given[n] += quotas[n] + given[n] < sizes[n]
        for n, places in given.items():
            quotas[n] += places
        left -= sum(given.values())
    return quotas


def _greedy(vectors: NDArray[np.float32], quality: NDArray[np.float32], count: int, weight: float) -> list[int]:
    """Places of the chosen texts of one topic. Gains only fall, so a gain that is still the greatest is right."""
    if count == 0:
        return []
    represented = vectors[:_REPRESENTED]
    likeness = np.maximum(vectors @ represented.T, 0)  # (N, R)
    best = np.zeros(len(represented), np.float32)
    merit = weight * quality / count

    def gain(place: int) -> float:
        more = float(np.maximum(likeness[place] - best, 0).mean())
        return round((1 - weight) * more + float(merit[place]), 9)

    queue = [(-gain(place), place) for place in range(len(vectors))]
    heapq.heapify(queue)
    chosen: list[int] = []
    while len(chosen) < count:
        _, place = heapq.heappop(queue)
        now = -gain(place)
        if queue and (now, place) > queue[0]:
            heapq.heappush(queue, (now, place))
            continue
        chosen.append(place)
        best = np.maximum(best, likeness[place])
    return chosen


def draw(hashes: NDArray[np.bytes_], *, count: int, seed: int) -> list[int]:
    """Places of as many texts drawn at random, without regard to anything: by the hash of the seed and their own."""
    keys = [hashlib.sha256(f"random arm {seed}".encode() + bytes(each)).digest() for each in hashes.tolist()]
    return sorted(range(len(keys)), key=keys.__getitem__)[:count]


def coverage(vectors: NDArray[np.float16], chosen: Sequence[int]) -> float:
    """Mean likeness of a text to the closest chosen one, over at most 5,000 texts, the first ones."""
    if not chosen or not len(vectors):
        return 0.0
    reference = np.asarray(vectors[:_REFERENCE], np.float32)
    best = np.zeros(len(reference), np.float32)
    for start in range(0, len(chosen), 2_000):
        some = np.asarray(vectors[list(chosen[start : start + 2_000])], np.float32)
        best = np.maximum(best, (reference @ some.T).max(axis=1))
    return float(best.mean())
