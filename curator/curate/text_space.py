"""The text space of a project: every record as a vector, kept in a folder of the workspace.

`curator topics` counts it anew. It is derived from the records and can be removed at any time; a backup leaves it out.
A record whose text changed since is told by its hash, one that came since by its absence.

N records, K dimensions.
"""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from curator import whole
from curator.errors import CurationError
from curator.quality import terms, topics
from curator.quality.topics import Topics
from curator.quality.vector_space import VectorSpace
from curator.store import records
from curator.store import topics as topic_store
from curator.workspace import Workspace
from schemas.project import Project

SAMPLE = 20_000
"""Records that a space is fitted on: those whose texts have the lowest hashes, which is a sample drawn at random."""
_BLOCK = 2_000
_PIECES = ("ids", "hashes", "topic_of", "idf", "components", "centres")


class TextSpace(NamedTuple):
    """The records of a project as vectors, in the order of their ids."""

    ids: NDArray[np.int64]
    """(N,)."""
    hashes: NDArray[np.bytes_]
    """Of the text that each vector was made of, (N,)."""
    topic_of: NDArray[np.int16]
    """Place of each record's topic in `topics`, (N,); -1 for one that has no words."""
    vectors: NDArray[np.float16]
    """Of length 1 or 0, (N, K); read from the file as they are used."""
    topics: Topics

    @property
    def space(self) -> VectorSpace:
        """What makes a vector of a text."""
        return self.topics.space


def count(
    workspace: Workspace,
    project: Project,
    *,
    topic_count: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> TextSpace:
    """Fit the space and the topics of a project anew and keep them. Returns the space.

    Texts are read twice: the sample, then all. The same texts make the same space, whatever their ids and order.

    Args:
        workspace: Where the records are.
        project: Whose; the caller is `alone` with it.
        topic_count: How many topics; by default with the square root of the number of records.
        progress: Told how many of how many records are done.

    Raises:
        CurationError: The project has no records.
    """
    with workspace.read() as connection:
        now = topic_store.text_hashes(connection, project.id)
        total = len(now.ids)
        if not total:
            raise CurationError(f"The project {project.name} has no records.", hint="Import a file first.")
        sample = now.ids[np.argsort(now.hashes, kind="stable")[:SAMPLE]].tolist()
        drawn = records.in_file_order(connection, [str(id) for id in sample])
        texts = {each.id: terms.text_of(each.now) for each in drawn}
        fitted = topics.fit([texts[str(id)] for id in sample], count=topic_count)
        with whole.folder(folder_of(workspace, project)) as fresh:
            size = fitted.space.components.shape[0]
            vectors = np.lib.format.open_memmap(fresh / "vectors.npy", mode="w+", dtype=np.float16, shape=(total, size))
            topic_of = np.full(total, -1, np.int16)
            done = 0
            stream = records.every(connection, project.id)
            while some := list(islice(stream, _BLOCK)):
                block = fitted.space.project([terms.text_of(each.now) for each in some])
                places = np.searchsorted(now.ids, [int(each.id) for each in some])
                vectors[places] = block
                topic_of[places] = np.where(block.any(axis=1), fitted.of_vectors(block), -1)
                done += len(some)
                if progress is not None:
                    progress(done, total)
            vectors.flush()
            names = np.array(["\t".join(each) for each in fitted.terms])
            pieces = {
                "ids": now.ids, "hashes": now.hashes, "topic_of": topic_of, "idf": fitted.space.idf,
                "components": fitted.space.components, "centres": fitted.centres, "terms": names,
            }  # fmt: skip
            for name, values in pieces.items():
                np.save(fresh / f"{name}.npy", values)
    return load(workspace, project)


def load(workspace: Workspace, project: Project) -> TextSpace:
    """The space of a project as it was counted last.

    Raises:
        CurationError: It was never counted, or its files are damaged.
    """
    folder = folder_of(workspace, project)
    try:
        pieces = {name: np.load(folder / f"{name}.npy") for name in _PIECES}
        vectors = np.load(folder / "vectors.npy", mmap_mode="r")
        names = np.load(folder / "terms.npy")
    except FileNotFoundError as error:
        raise CurationError(
            f"The topics of {project.name} have not been counted yet.", hint="Run `curator topics --count`."
        ) from error
    except (OSError, ValueError) as error:
        raise CurationError(
            f"The vectors in {folder} cannot be read: {error}.", hint="Run `curator topics --count` again."
        ) from error
    told = tuple(tuple(each.split("\t")) if each else () for each in names.tolist())
    fitted = Topics(VectorSpace(pieces["idf"], pieces["components"]), pieces["centres"], told)
    return TextSpace(pieces["ids"], pieces["hashes"], pieces["topic_of"], vectors, fitted)


def is_counted(workspace: Workspace, project: Project) -> bool:
    """Whether there is a space to load."""
    return (folder_of(workspace, project) / "vectors.npy").is_file()


def folder_of(workspace: Workspace, project: Project) -> Path:
    """Where the space of a project is kept."""
    return workspace.folder / "cache" / "spaces" / f"project-{project.id}"


@contextmanager
def alone(workspace: Workspace, project: Project) -> Iterator[None]:
    """Hold off every other process that would count the space of a project.

    Raises:
        CurationError: One is counting it now.
    """
    folder = folder_of(workspace, project)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CurationError(
                f"The topics of {project.name} are being counted now.", hint="Wait until that has ended."
            ) from error
        whole.recover(folder)
        yield
