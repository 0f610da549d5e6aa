"""Near copies: which texts say the same in almost the same words, so that they count as one.

Words of the normal form, compared by exact Jaccard similarity. Candidates come from an index over the rarest words of
each text, of which two texts as alike as that must share at least one (prefix filter: Chaudhuri, Ganti and Kaushik,
2006). Texts whose numbers differ are no copies: "17 + 25" and "17 + 26" are two sums.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence

from curator.quality.normal_form import words_of

SIMILAR = 0.8
"""Jaccard similarity of their words from which on two texts are near copies."""


def clusters(texts: Sequence[str], *, similar: float = SIMILAR) -> list[int]:
    """For each text the number of its cluster, which is the place of the first text in it.

    Example:
        >>> clusters(["What is red?", "Name a tool.", "what is RED"])
        [0, 1, 0]
    """
    words = [words_of(text) or [text] for text in texts]
    sets = [frozenset(each) for each in words]
    numbers = [Counter(word for word in each if any(map(str.isdigit, word))) for each in words]
    frequency = Counter(word for each in sets for word in each)
    parent = list(range(len(texts)))

    def root(n: int) -> int:
        while parent[n] != n:
            parent[n] = parent[parent[n]]
            n = parent[n]
        return n

    index: dict[str, list[int]] = defaultdict(list)
    for n, own in enumerate(sets):
        rarest = sorted(own, key=lambda word: (frequency[word], word))
        prefix = rarest[: len(own) - math.ceil(similar * len(own)) + 1]
        for other in {m for word in prefix for m in index[word]}:
            if numbers[n] == numbers[other]:
                shared = len(own & sets[other])
                if shared >= similar * (len(own) + len(sets[other]) - shared):
                    first, second = sorted((root(n), root(other)))
                    parent[second] = first
        for word in prefix:
            index[word].append(n)
    return [root(n) for n in range(len(texts))]
