"""Topics: clusters of texts in a vector space, each named by its most telling terms.

k-means on the projected texts of a sample; every text then belongs to the nearest centre. A term tells much of a
cluster when many of its texts hold it and few others do: its share inside times the squared logarithm of how much
larger that is than its share everywhere, which also keeps the small words of any language out. A name describes and
judges nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS
from threadpoolctl import threadpool_limits

from curator.quality import vector_space
from curator.quality.terms import terms_of
from curator.quality.vector_space import VectorSpace

MOST = 60
"""Topics unless more are asked for: nobody reads a longer list."""
_NAMED_BY = 3
_TERMS = 10


class Topics(NamedTuple):
    """Fitted topics, the largest first; T of them."""

    space: VectorSpace
    centres: NDArray[np.float32]
    """(T, K)."""
    terms: tuple[tuple[str, ...], ...]
    """The most telling terms of each, the first ones its name; none for texts without terms."""

    def name(self, topic: int) -> str:
        """Its most telling terms."""
        return ", ".join(self.terms[topic][:_NAMED_BY]) or "without words"

    def of_vectors(self, vectors: NDArray[np.float32]) -> NDArray[np.int64]:
        """The topic of each projected text, (N,)."""
        distances = (self.centres**2).sum(axis=1) - 2 * (vectors @ self.centres.T)  # |vector| adds the same to all
        return np.asarray(distances.argmin(axis=1), np.int64)


def usual_count(texts: int) -> int:
    """How many topics so many texts are divided into: with the square root of their number, from 2 to `MOST`.

    Example:
        >>> usual_count(30), usual_count(1_000), usual_count(1_000_000)
        (2, 6, 60)
    """
    return max(2, min(MOST, round(math.sqrt(texts / 25))))


def fit(texts: Sequence[str], *, count: int | None = None) -> Topics:
    """Topics of some texts, at least one; fewer than `count` when there are not as many different texts.

    Args:
        texts: In an order that depends on nothing but themselves.
        count: How many; by default `usual_count`.
    """
    space = vector_space.fit(texts)
    vectors = space.project(texts)
    wanted = min(count or usual_count(len(texts)), len(np.unique(vectors, axis=0)))
    with threadpool_limits(limits=1):
        fitted = KMeans(wanted, n_init=3, random_state=0).fit(vectors)
    sizes = np.bincount(fitted.labels_, minlength=wanted)
    first = [int(np.flatnonzero(fitted.labels_ == topic)[0]) for topic in range(wanted)]
    order = sorted(range(wanted), key=lambda topic: (-sizes[topic], first[topic]))
    topics = Topics(space, fitted.cluster_centers_[order].astype(np.float32), ())
    return topics._replace(terms=_telling_terms(texts, topics.of_vectors(vectors), wanted))


def _telling_terms(texts: Sequence[str], topic_of: NDArray[np.int64], count: int) -> tuple[tuple[str, ...], ...]:
    holding: list[Counter[str]] = [Counter() for _ in range(count)]
    for text, topic in zip(texts, topic_of.tolist(), strict=True):
        holding[topic].update(set(terms_of(text)))
    everywhere: Counter[str] = Counter()
    for each in holding:
        everywhere.update(each)
    sizes = np.bincount(topic_of, minlength=count).tolist()

    def tells(term: str, topic: int) -> float:
        inside: float = holding[topic][term] / sizes[topic]
        return inside * max(0.0, math.log(inside * len(texts) / everywhere[term])) ** 2

    telling = []
    for topic in range(count):
        candidates = (
            term for term in holding[topic] if len(term) > 1 and not term.isdigit() and term not in ENGLISH_STOP_WORDS
        )
        # rounded, since a logarithm may differ in its last digit between machines
        ranked = sorted(candidates, key=lambda term: (-round(tells(term, topic), 9), term))
        telling.append(_different(ranked))
    return tuple(telling)


def _may_name(term: str) -> bool:
    return len(term) > 1 and not term.isdigit() and term not in ENGLISH_STOP_WORDS


def _different(ranked: Sequence[str]) -> tuple[str, ...]:
    """The first terms of which none is the beginning of another, as a plural is, or overlaps it, as pairs do."""
    chosen: list[str] = []
    for term in ranked:
        is_pair = len(term) == 2 and not term.isascii()
        if not any(
            term.startswith(other) or other.startswith(term) or (is_pair and set(term) & set(other)) for other in chosen
        ):
            chosen.append(term)
        if len(chosen) == _TERMS:
            break
    return tuple(chosen)
