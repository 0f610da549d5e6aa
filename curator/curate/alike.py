"""Alike: the records that are most like one record, by their words or by the vectors of a model on this machine.

By words, every record's vector in the text space is compared, and the closest hundred are put in order by the cosine of
their whole TF-IDF. By a model, every vector is compared exactly. A million products take a tenth of a second.

N records, K dimensions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from curator import whole
from curator.curate import text_space
from curator.errors import CurationError
from curator.quality import terms, vector_space
from curator.store import projects, records
from curator.store import topics as text_store
from curator.store.records import StoredRecord
from curator.store.topics import TextHashes
from curator.workspace import Workspace
from schemas.alike import AlikeReport, Neighbour
from schemas.project import Project

_CANDIDATES = 100
_BLOCK = 65_536
_EMBEDDED = 64
"""Texts that a model gets at once."""

Embed = Callable[[Sequence[str]], NDArray[np.float32]]
"""Texts to vectors, (N, K)."""


def by_words(workspace: Workspace, record_id: str, *, limit: int = 10) -> AlikeReport:
    """The records that share most with a record, by words that are rare in the project.

    Args:
        workspace: Where they are.
        record_id: Of which record.
        limit: How many.

    Raises:
        NotFoundError: There is no such record.
        CurationError: The topics of its project have not been counted yet.
    """
    with workspace.read() as connection:
        stored = records.get(connection, record_id)
        project = projects.by_id(connection, stored.project_id)
        counted = text_space.load(workspace, project)
        text = terms.text_of(stored.now)
        closest = _closest(counted.vectors, counted.space.project([text])[0], most=_CANDIDATES + 1)
        candidates = _others(records.in_file_order(connection, map(str, counted.ids[closest].tolist())), stored)
        weights = counted.space.weigh([text, *(terms.text_of(each.now) for each in candidates)])
        likeness = np.asarray((weights[1:] @ weights[0].T).toarray().ravel(), np.float32)
        total = text_store.count_records(connection, project.id)
    return _report(stored, "words", candidates, likeness, compared=len(counted.ids), total=total, limit=limit)


def by_model(workspace: Workspace, record_id: str, *, model: Path, embed: Embed, limit: int = 10) -> AlikeReport:
    """The records whose vectors are closest to that of a record, by a model.

    Args:
        workspace: Where they are.
        record_id: Of which record.
        model: Folder of the model, for which `embed_all` was called.
        embed: Makes its vectors.
        limit: How many.

    Raises:
        NotFoundError: There is no such record.
        CurationError: The vectors of this model have not been counted yet.
    """
    with workspace.read() as connection:
        stored = records.get(connection, record_id)
        project = projects.by_id(connection, stored.project_id)
        counted = _load(workspace, project, model)
        if counted is None:
            raise CurationError(
                f"The records of {project.name} have no vectors of {model.name} yet.",
                hint=f"Run `curator alike --count --model {model}`.",
            )
        own = vector_space.unit_rows(embed([terms.text_of(stored.now)]))[0]
        closest = _closest(counted.vectors, own, most=limit + 20)
        likeness_of = dict(
            zip(counted.ids[closest].tolist(), counted.vectors[closest].astype(np.float32) @ own, strict=True)
        )
        candidates = _others(records.in_file_order(connection, map(str, likeness_of)), stored)
        total = text_store.count_records(connection, project.id)
    likeness = np.array([likeness_of[int(each.id)] for each in candidates])
    return _report(stored, model.name, candidates, likeness, compared=len(counted.ids), total=total, limit=limit)


def embed_all(
    workspace: Workspace,
    *,
    project: str | None = None,
    model: Path,
    embed: Embed,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Keep the vectors of all records of a project by a model. Returns how many texts were embedded.

    A text that has not changed since the last time keeps its vector.

    Args:
        workspace: Where they are.
        project: Name; by default the first one.
        model: Folder of the model.
        embed: Makes its vectors.
        progress: Told how many of how many records are done.

    Raises:
        CurationError: The project has no records, or another process counts its vectors now.
    """
    with workspace.read() as connection:
        meant = projects.by_name(connection, project)
    with text_space.alone(workspace, meant):
        with workspace.read() as connection:
            now = text_store.text_hashes(connection, meant.id)
        if not len(now.ids):
            raise CurationError(f"The project {meant.name} has no records.", hint="Import a file first.")
        kept, is_kept = _kept(_load(workspace, meant, model), now)
        hashes = now.hashes.copy()
        left = now.ids[~is_kept].tolist()
        blocks: list[NDArray[np.float16]] = [kept]
        places: list[int] = np.flatnonzero(is_kept).tolist()
        for start in range(0, len(left), _EMBEDDED):
            with workspace.read() as connection:  # a model takes long: no transaction waits for it
                some = list(records.in_file_order(connection, map(str, left[start : start + _EMBEDDED])))
            if some:
                made = vector_space.unit_rows(embed([terms.text_of(each.now) for each in some]))
                blocks.append(made.astype(np.float16))
                place = np.searchsorted(now.ids, [int(each.id) for each in some])
                hashes[place] = [bytes.fromhex(each.text_hash) for each in some]
                places += place.tolist()
            if progress is not None:
                progress(len(now.ids) - len(left) + min(start + _EMBEDDED, len(left)), len(now.ids))
        order = np.argsort(places)
        which = np.array(places)[order]
        vectors = np.concatenate([block for block in blocks if len(block)])[order]
        with whole.folder(_folder(workspace, meant, model)) as fresh:
            for name, values in (("ids", now.ids[which]), ("hashes", hashes[which]), ("vectors", vectors)):
                np.save(fresh / f"{name}.npy", values)
    return len(left)


def _kept(earlier: _Vectors | None, now: TextHashes) -> tuple[NDArray[np.float16], NDArray[np.bool_]]:
    """The vectors of texts that have not changed, and which records these are."""
    if earlier is None or not len(earlier.ids):
        return np.zeros((0, 1), np.float16), np.zeros(len(now.ids), bool)
    order = np.argsort(earlier.hashes, kind="stable")
    place = order[np.minimum(np.searchsorted(earlier.hashes, now.hashes, sorter=order), len(order) - 1)]
    is_kept = earlier.hashes[place] == now.hashes
    return np.asarray(earlier.vectors[place[is_kept]]), is_kept


class _Vectors(NamedTuple):
    """The vectors of a model, in the order of the ids."""

    ids: NDArray[np.int64]
    """(N,)."""
    hashes: NDArray[np.bytes_]
    """Of the texts, (N,)."""
    vectors: NDArray[np.float16]
    """Of length 1 or 0, (N, K)."""


def _folder(workspace: Workspace, project: Project, model: Path) -> Path:
    mark = hashlib.sha256(str(model.resolve()).encode()).hexdigest()[:12]
    return text_space.folder_of(workspace, project).with_name(f"project-{project.id}-{mark}")


def _load(workspace: Workspace, project: Project, model: Path) -> _Vectors | None:
    folder = _folder(workspace, project, model)
    try:
        ids, hashes = (np.load(folder / f"{name}.npy") for name in ("ids", "hashes"))
        return _Vectors(ids, hashes, np.load(folder / "vectors.npy", mmap_mode="r"))
    except (OSError, ValueError):  # it is counted anew
        return None


def _closest(vectors: NDArray[np.float16], own: NDArray[np.float32], *, most: int) -> NDArray[np.int64]:
    """Places of the vectors with the greatest products, the greatest first; read a block at a time."""
    likeness = np.empty(len(vectors), np.float32)
    for start in range(0, len(vectors), _BLOCK):
        likeness[start : start + _BLOCK] = np.asarray(vectors[start : start + _BLOCK], np.float32) @ own
    some = np.argpartition(-likeness, min(most, len(likeness)) - 1)[:most] if len(likeness) else np.zeros(0, np.int64)
    return np.asarray(some[np.argsort(-likeness[some], kind="stable")], np.int64)


def _others(candidates: Iterable[StoredRecord], stored: StoredRecord) -> list[StoredRecord]:
    return [each for each in candidates if each.id != stored.id]


def _report(
    stored: StoredRecord,
    by: str,
    candidates: Sequence[StoredRecord],
    likeness: NDArray[np.float32],
    *,
    compared: int,
    total: int,
    limit: int,
) -> AlikeReport:
    # by text where two are equally like it, so that the order of the ids does not matter
    order = sorted(range(len(candidates)), key=lambda n: (-round(float(likeness[n]), 5), candidates[n].text_hash))
    return AlikeReport(
        record_id=stored.id,
        by=by,
        neighbours=tuple(
            Neighbour(
                record_id=candidates[n].id,
                likeness=round(float(likeness[n]), 4),
                state=candidates[n].state,
                instruction=candidates[n].now.instruction,
                response=candidates[n].now.response,
            )
            for n in order[:limit]
            if likeness[n] > 0
        ),
        compared=compared,
        not_compared=max(0, total - compared),
    )
