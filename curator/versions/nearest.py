"""Nearest: the training rows of a version that say what a text says.

Two passes over the rows, no index: the first counts in how many of them each word of the text stands, the second keeps
those that hold most of its rare words. Of these the cosine of their character n-grams decides, weighted by rarity
(TF-IDF). A million rows take seconds; a word may be inflected, misspelt or part of another.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

from curator.errors import VersionError
from curator.quality.normal_form import words_of
from curator.store import records
from curator.versions import files
from curator.versions.querying import querying
from curator.versions.rows import find, folder_of, manifest
from curator.workspace import Workspace
from schemas.feedback import Neighbour
from schemas.version import Split

_WORDS = 64
"""Distinct words of a text that are counted, the longest first."""
_RARE = 24
"""Of those, the rarest by which candidates are found."""
_CANDIDATES = 60
_LONGEST = 20_000
"""Characters of a text that are compared."""

COUNTS = """
SELECT word, count(*)
FROM (SELECT lower(instruction || ' ' || response) AS said FROM read_parquet($files)), unnest($words) AS asked(word)
WHERE contains(said, word)
GROUP BY word
"""  # one row per word that stands in any training row

CANDIDATES = """
SELECT row_id, any_value(instruction), any_value(response)
FROM (SELECT row_id, instruction, response, lower(instruction || ' ' || response) AS said FROM read_parquet($files)),
     (SELECT unnest($words) AS word, unnest($weights) AS weight)
WHERE contains(said, word)
GROUP BY row_id
ORDER BY sum(weight) DESC, row_id
LIMIT $most
"""  # one row per training row that holds a word


class _Candidate(NamedTuple):
    row_id: str
    instruction: str
    response: str


def nearest(workspace: Workspace, version: str, text: str, *, limit: int = 5) -> list[Neighbour]:
    """The training rows of a version that are most like a text, nearest first.

    Raises:
        VersionError: The version has a layout of an earlier release.
    """
    if manifest(workspace, version).format == 1:
        raise VersionError(
            "This version was frozen by an earlier release, whose rows cannot be searched.",
            hint="Freeze the same records again.",
        )
    text = text[:_LONGEST]
    contents = [str(content) for content, _ in files.paths_of(folder_of(workspace, version), Split.TRAIN)]
    candidates = _candidates(version, contents, text)
    scored = sorted(zip(_similarities(text, candidates), candidates, strict=True), key=lambda each: -each[0])[:limit]
    chosen = [(score, each) for score, each in scored if score > 0]
    record_ids = _record_ids(workspace, version, [each.row_id for _, each in chosen])
    return [
        Neighbour(
            row_id=each.row_id,
            record_ids=tuple(record_ids.get(each.row_id, ())),
            instruction=each.instruction,
            response=each.response,
            similarity=round(score, 3),
            shared=_shared(text, f"{each.instruction}\n{each.response}"),
        )
        for score, each in chosen
    ]


def _candidates(version: str, contents: list[str], text: str) -> list[_Candidate]:
    words = sorted({word for word in _pieces(text) if len(word) > 2}, key=lambda word: (-len(word), word))[:_WORDS]
    if not words:
        return []
    with querying(version) as connection:
        counted = dict(connection.execute(COUNTS, {"files": contents, "words": words}).fetchall())
        rare = sorted(counted, key=lambda word: (counted[word], word))[:_RARE]
        if not rare:
            return []
        weights = [1 / math.log(2 + counted[word]) for word in rare]
        values = {"files": contents, "words": rare, "weights": weights, "most": _CANDIDATES}
        return [_Candidate(*row) for row in connection.execute(CANDIDATES, values).fetchall()]


def _pieces(text: str) -> list[str]:
    """Its words; of a script that is written without blanks, every three characters."""
    pieces = []
    for word in words_of(text):
        dense = not word.isascii() and len(word) > 6
        pieces += [word[n : n + 3] for n in range(len(word) - 2)] if dense else [word]
    return pieces


def _similarities(text: str, candidates: Sequence[_Candidate]) -> list[float]:
    from sklearn.feature_extraction.text import TfidfVectorizer  # takes a second to import

    if not candidates:
        return []
    texts = [text, *(f"{each.instruction}\n{each.response}"[:_LONGEST] for each in candidates)]
    grams = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True).fit_transform(texts)
    return [float(each) for each in (grams[1:] @ grams[0].T).toarray().ravel()]


def _shared(first: str, second: str) -> str:
    words, others = words_of(first), words_of(second)
    match = SequenceMatcher(None, words, others, autojunk=False).find_longest_match()
    return " ".join(words[match.a : match.a + match.size])


ARRIVED_AS = """
SELECT DISTINCT row_id, content_hash
FROM read_parquet($files)
WHERE row_id IN (SELECT unnest($rows))
"""  # one row per frozen row and content that it came in with


def _record_ids(workspace: Workspace, version: str, row_ids: Sequence[str]) -> dict[str, list[str]]:
    """Records of the project that rows were frozen from."""
    origins = [str(origins) for _, origins in files.paths_of(folder_of(workspace, version), Split.TRAIN)]
    with querying(version) as connection:
        arrived = connection.execute(ARRIVED_AS, {"files": origins, "rows": list(row_ids)}).fetchall()
    project_id = find(workspace, version).project_id
    with workspace.read() as connection:
        ids = records.of_hash(connection, project_id, {content_hash for _, content_hash in arrived})
    known: dict[str, list[str]] = {}
    for row_id, content_hash in sorted(arrived):
        if content_hash in ids:
            known.setdefault(row_id, []).append(ids[content_hash])
    return known
