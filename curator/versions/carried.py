"""Carried: what a freeze knows of its rows, kept for the next one, which then reads only what changed since.

A candidate from a part is named by the part's hash and its row, and never changes. So a row whose candidates are the
ones of the last freeze is the same row: its hash, prompt, training hash and place need not be worked out again. What
stands here can be worked out again at any time; it is used only where the last version is the newest of the project,
its files are intact, and suites and plan are what they were.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from curator import whole
from curator.quality.sorting import bytes_of
from curator.store.accepted import Places
from curator.versions.chunks import WrittenChunk, link
from curator.versions.gathering import hash_words
from curator.versions.history import Past
from schemas.version import FileHash, Split, SplitPlan

_FORMAT = f"2, pyarrow {pa.__version__}"
"""Changes when files are encoded otherwise, too: a version has the same bytes whatever it went on from."""
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


class Terms(NamedTuple):
    """Under which a freeze may go on from what is carried."""

    project_id: int
    versions: tuple[str, ...]
    """Of the project, oldest first."""
    firewall: str
    salt: str
    splits: tuple[str, ...]
    """That have a share."""


class Carried(NamedTuple):
    """What is known of the N rows of a version, in the order of their hashes."""

    version: str
    hashes: NDArray[np.uint64]
    """(N, 4)."""
    prompt_hashes: NDArray[np.uint64]
    """(N, 4)."""
    training_hashes: NDArray[np.uint64]
    """(N, 4)."""
    places: NDArray[np.uint8]
    """Place of the split, (N,)."""
    ages: NDArray[np.int64]
    """Number of the version since which each row is there, (N,)."""
    candidates: NDArray[np.uint64]
    """Ids of candidates, ascending, (C,)."""
    row_of: NDArray[np.int64]
    """Row of each, (C,)."""
    refused: NDArray[np.uint64]
    """Ids of candidates that hold a test prompt."""
    from_database: NDArray[np.int64]
    """Rows of which some candidate came from the database."""
    known_hashes: NDArray[np.uint64]
    """Other contents by which rows are known, since they came in with them, (O, 4)."""
    known_rows: NDArray[np.int64]
    """Row of each, (O,)."""
    past: Past
    """Contents of earlier versions that are not there any more."""
    groups: list[tuple[int, str]]
    labels: dict[int, dict[str, str]]
    prompts: pa.ChunkedArray
    """Every different prompt, in the order of its hash."""
    pairs: NDArray[np.int64]
    """Places of prompts that say nearly the same, (P, 2)."""
    chunks: tuple[WrittenChunk, ...]


def terms(project_id: int, versions: list[str], firewall: str, plan: SplitPlan) -> Terms:
    """The terms of a freeze."""
    shares = {Split.TRAIN: plan.train, Split.VALIDATION: plan.validation, Split.TEST: plan.test}
    used = tuple(split.value for split, share in shares.items() if share > 0)
    return Terms(project_id, tuple(versions), firewall, plan.salt, used)


def candidate_ids(places: Places, rows: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Ids of candidates that stand at (key, part, row), (N, 3): the same in every workspace with these parts."""
    known = sorted(places.parts)
    of_part = np.array([int(places.parts[part][1][:16], 16) for part in known] or [0], np.uint64)
    part = of_part[np.searchsorted(known, rows[:, 1])] if len(rows) else np.empty(0, np.uint64)
    return np.asarray(part + (rows[:, 2].astype(np.uint64) + np.uint64(1)) * _FACTOR, np.uint64)


def load(folder: Path, wanted: Terms) -> Carried | None:
    """What was carried under these terms; None where there is nothing, or nothing that can be read."""
    try:
        stated = orjson.loads((folder / "carried.json").read_bytes())
        if stated["format"] != _FORMAT or Terms(**stated["terms"])._asdict() != _plain(wanted):
            return None
        tables = {name: _read(folder / f"{name}.arrow", stated["sha256"][name]) for name in _TABLES}
    except (OSError, ValueError, KeyError, TypeError):  # a damaged one is worth nothing
        return None
    rows, candidates, others, past = (tables[name] for name in ("rows", "candidates", "others", "past"))
    guides = tables["guides"].to_pylist()
    return Carried(
        version=stated["version"],
        hashes=hash_words(rows["hash"]),
        prompt_hashes=hash_words(rows["prompt_hash"]),
        training_hashes=hash_words(rows["training_hash"]),
        places=rows["place"].to_numpy(),
        ages=rows["age"].to_numpy(),
        candidates=candidates["id"].to_numpy(),
        row_of=candidates["row"].to_numpy(),
        refused=tables["refused"]["id"].to_numpy(),
        from_database=tables["from_database"]["row"].to_numpy(),
        known_hashes=hash_words(others["hash"]),
        known_rows=others["row"].to_numpy(),
        past=Past(hash_words(past["hash"]), past["stood"].to_numpy(), past["newest"].to_numpy()),
        groups=[(each["row"], each["group"]) for each in guides if each["group"] is not None],
        labels={each["row"]: orjson.loads(each["labels"]) for each in guides if each["labels"] is not None},
        prompts=tables["prompts"]["prompt"],
        pairs=np.column_stack([tables["pairs"][name].to_numpy() for name in ("first", "second")]),
        chunks=tuple(map(_chunk, stated["chunks"])),
    )


def save(folder: Path, carried: Carried, under: Terms, *, has_same_prompts: bool) -> None:
    """Keep what a freeze knows; a process that dies leaves what was there before.

    Args:
        folder: Where.
        carried: All of it.
        under: Under which terms it holds.
        has_same_prompts: Its prompts are those that stand there already, which are linked.
    """
    guides: list[tuple[int, str | None, str | None]] = [(row, group, None) for row, group in carried.groups]
    guides += [(row, None, orjson.dumps(labels).decode()) for row, labels in carried.labels.items()]
    tables = {
        "rows": {
            "hash": _hashes(carried.hashes),
            "prompt_hash": _hashes(carried.prompt_hashes),
            "training_hash": _hashes(carried.training_hashes),
            "place": pa.array(carried.places),
            "age": pa.array(carried.ages),
        },
        "candidates": {"id": pa.array(carried.candidates), "row": pa.array(carried.row_of)},
        "refused": {"id": pa.array(carried.refused, pa.uint64())},
        "from_database": {"row": pa.array(carried.from_database, pa.int64())},
        "others": {"hash": _hashes(carried.known_hashes), "row": pa.array(carried.known_rows, pa.int64())},
        "past": {
            "hash": _hashes(carried.past.hashes),
            "stood": pa.array(carried.past.stood, pa.int64()),
            "newest": pa.array(carried.past.newest, pa.int64()),
        },
        "guides": {
            "row": pa.array([each[0] for each in guides], pa.int64()),
            "group": pa.array([each[1] for each in guides], pa.string()),
            "labels": pa.array([each[2] for each in guides], pa.string()),
        },
        "pairs": {"first": pa.array(carried.pairs[:, 0]), "second": pa.array(carried.pairs[:, 1])},
    }
    with whole.folder(folder) as unfinished:
        sha256 = {name: _write(unfinished / f"{name}.arrow", pa.table(columns)) for name, columns in tables.items()}
        prompts = unfinished / "prompts.arrow"
        if has_same_prompts:
            link(folder / "prompts.arrow", prompts)
            sha256["prompts"] = _sha256(prompts)
        else:
            sha256["prompts"] = _write(prompts, pa.table({"prompt": carried.prompts}), compression="zstd")
        stated = {
            "format": _FORMAT, "terms": _plain(under), "version": carried.version, "sha256": sha256,
            "chunks": [_plain_chunk(chunk) for chunk in carried.chunks],
        }  # fmt: skip
        (unfinished / "carried.json").write_bytes(orjson.dumps(stated))


_TABLES = ("rows", "candidates", "refused", "from_database", "others", "past", "guides", "prompts", "pairs")


def _plain(under: Terms) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in under._asdict().items()}


def _hashes(words: NDArray[np.uint64]) -> pa.Array:
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(32), len(words), [None, pa.py_buffer(bytes_of(words))])


def _write(file: Path, table: pa.Table, *, compression: str | None = None) -> str:
    options = pa.ipc.IpcWriteOptions(compression=compression)  # hashes cannot be compressed
    with pa.OSFile(str(file), "wb") as stream, pa.ipc.new_file(stream, table.schema, options=options) as out:
        out.write_table(table, max_chunksize=65_536)
    return _sha256(file)


def _sha256(file: Path) -> str:
    with file.open("rb") as raw:
        return hashlib.file_digest(raw, "sha256").hexdigest()


def _read(file: Path, sha256: str) -> pa.Table:
    raw = file.read_bytes()
    if hashlib.sha256(raw).hexdigest() != sha256:
        raise ValueError(f"{file} was changed")
    return pa.ipc.open_file(pa.py_buffer(raw)).read_all()


def _plain_chunk(chunk: WrittenChunk) -> dict[str, Any]:
    files = {name: getattr(chunk, name).model_dump() for name in ("content", "provenance")}
    return chunk._asdict() | files | {"split": chunk.split.value}


def _chunk(plain: Mapping[str, Any]) -> WrittenChunk:
    return WrittenChunk(
        split=Split(plain["split"]),
        number=plain["number"],
        content=FileHash(**plain["content"]),
        provenance=FileHash(**plain["provenance"]),
        arrivals_hash=plain["arrivals_hash"],
        sources=Counter(plain["sources"]),
        licences=Counter(plain["licences"]),
    )
