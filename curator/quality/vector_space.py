"""A vector space of texts: hashed TF-IDF, and its latent semantic projection to a few dimensions.

Texts that share rare terms lie close. Terms are hashed into a fixed number of columns, so memory does not grow with the
vocabulary (Weinberger et al. 2009), and the projection is a truncated singular value decomposition (Deerwester et al.
1990). What is fitted depends on the texts and their order alone: callers put them into the order of their hashes, and
one thread computes, so that the same texts make the same space on every number of cores.

N texts, D columns of hashed terms, K dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.preprocessing import normalize
from threadpoolctl import threadpool_limits

from curator.quality.terms import terms_of

COLUMNS = 2**17
"""D: two of 10,000 terms share a column by chance with probability .04 each."""
DIMENSIONS = 64
"""K at most; fewer for few texts."""

_hashed = HashingVectorizer(
    analyzer=terms_of, n_features=COLUMNS, alternate_sign=False, norm=None, dtype=np.float32
)  # it has no state


class VectorSpace(NamedTuple):
    """A fitted space."""

    idf: NDArray[np.float32]
    """Weight of each column, (D,)."""
    components: NDArray[np.float32]
    """Axes of the projection, (K, D)."""

    def weigh(self, texts: Sequence[str]) -> Any:
        """TF-IDF of texts: a sparse float32 matrix (N, D) with rows of length 1.

        Term frequency counts as 1 + log(frequency). A text without terms is a row of zeros.
        """
        counts = _hashed.transform(texts)
        counts.data = (1 + np.log(counts.data)) * self.idf[counts.indices]
        return normalize(counts, copy=False)

    def project(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Texts as vectors of length 1, (N, K); products are cosines. A text without terms is all zeros."""
        return unit_rows(self.weigh(texts) @ self.components.T)


def fit(texts: Sequence[str], *, dimensions: int = DIMENSIONS) -> VectorSpace:
    """The space of some texts, at least one.

    Rows of the projection are float32 sums in a fixed order; the same texts in the same order give the same numbers.
    """
    counts = _hashed.transform(texts)
    documents = np.bincount(counts.indices, minlength=COLUMNS)
    idf = np.log((1 + len(texts)) / (0.5 + documents)).astype(np.float32)  # next to nothing for a term that all hold
    space = VectorSpace(idf, np.zeros((1, COLUMNS), np.float32))
    weights = space.weigh(texts)
    wanted = min(dimensions, len(texts) - 1)
    if wanted < 2 or not weights.nnz:
        return space
    with threadpool_limits(limits=1):
        decomposition = TruncatedSVD(wanted, n_iter=4, random_state=0).fit(weights)
    return VectorSpace(idf, decomposition.components_.astype(np.float32))


def unit_rows(vectors: Any) -> NDArray[np.float32]:
    """Rows scaled to length 1; a row of zeros stays."""
    plain = np.asarray(vectors, np.float32)
    lengths = np.linalg.norm(plain, axis=1, keepdims=True)
    return np.asarray(plain / np.maximum(lengths, np.float32(1e-12)), np.float32)
