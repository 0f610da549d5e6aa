"""Freezing: the accepted records of a project become an immutable version.

Records leave the live state part by part as candidates (`gathering`), divided by the beginning of their hash. From
their keys alone the splits are drawn (`keyed`); then each range of candidates is sorted, equal contents become one row,
and the rows are written (`chunks`). No step holds the texts of all records. The folder is written beside its final
place and renamed at the end: a version is whole or absent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from curator import whole
from curator.access import require
from curator.errors import VersionError
from curator.store import Connection, accepted, events, projects, suites
from curator.store import versions as version_store
from curator.versions import files, identity, keyed, scratch
from curator.versions.chunks import RangeTask, WrittenChunk, bits_for, total, write_range, write_rest
from curator.versions.gathering import Ranges, gather_in_database, gather_parts, ranges_for
from curator.versions.history import earlier_splits
from curator.versions.keyed import Rows
from curator.versions.pool import Pool, processes
from curator.versions.split import Assignment, Merge, divide
from curator.versions.verify import damage
from curator.workspace import Workspace
from schemas.account import Right
from schemas.event import Kind
from schemas.version import Manifest, MergedSplits, Split, SplitPlan, Version

_WORTH_PROCESSES = 30_000
"""Records from which on several processes are faster than one, which need not be started."""
_SPLITS = list(Split)


def freeze(
    workspace: Workspace,
    *,
    actor: str,
    project: str | None = None,
    name: str | None = None,
    plan: SplitPlan | None = None,
    merged_splits: MergedSplits = MergedSplits.REFUSE,
) -> Version:
    """Freeze every accepted record of a project. Returns the version.

    Records whose prompt stands in a test suite are left out and counted in the manifest; records whose final content is
    equal become one row. The same content frozen again is the same version; where its files were damaged meanwhile,
    they are written anew.

    Args:
        workspace: Where the records are.
        actor: Who freezes.
        project: By default the first one.
        name: For people; by default none.
        plan: How the rows are divided; records that were frozen before keep their split.
        merged_splits: What to do where records that were frozen into different splits belong together now.

    Raises:
        VersionError: Nothing is accepted, a split would be empty, the name is taken by another version, or records that
            belong together stood in different splits and `merged_splits` does not decide.
    """
    require(workspace, actor, Right.CURATE)
    plan = plan or SplitPlan()
    with scratch.folder(workspace.folder) as folder:
        with workspace.read() as connection:
            owner = projects.by_name(connection, project)
            taken = {each.name: each.id for each in version_store.newest_first(connection) if each.name}
            firewall = suites.firewall(connection)
            places = accepted.places(connection, owner.id)
            ranges = _ranges(connection, workspace, owner.id, places, folder)
            others = gather_in_database(connection, owner.id, ranges, firewall=firewall, salt=plan.salt)
        with processes(are_worth_it=len(places.records) > _WORTH_PROCESSES) as pool:
            refused = others.refused + gather_parts(
                places, workspace.records_folder, ranges, pool, first=others.batches, firewall=firewall, salt=plan.salt
            )
            rows = keyed.rows_of(ranges.read_keys())
            if not rows.size:
                raise VersionError(
                    f"Project {owner.name} has no accepted record that may be frozen ({len(refused)} stand in a test "
                    "suite).",
                    hint="Annotate records, or import a trusted file with --accept.",
                )
            history = earlier_splits(workspace, owner.id, rows.known, plan)
            grouping = keyed.grouping_of(rows, plan)
            assignment = divide(
                grouping,
                plan,
                strata=keyed.strata_of(rows, plan),
                stood=history.stood,
                to_train=merged_splits is MergedSplits.TRAIN,
            )
            if assignment.merges and merged_splits is MergedSplits.REFUSE:
                raise _undecided(rows, ranges, history.stood, assignment.merges)
            _check(rows, assignment, plan)
            buckets = identity.bucket_hashes_of(
                keyed.as_bytes(rows.hashes), keyed.training_hashes(rows), assignment.places, [*Split]
            )
            version_id = identity.version_id(buckets)
            if name is not None and taken.get(name, version_id) != version_id:
                raise VersionError(f"Name {name} belongs to version {taken[name][:12]}.", hint="Choose another name.")
            counts = np.bincount(assignment.places, minlength=len(_SPLITS)).tolist()
            version = Version(
                id=version_id,
                name=name,
                rows=rows.size,
                splits=dict(zip(Split, counts, strict=True)),
                created_at=workspace.clock(),
                created_by=actor,
                project_id=owner.id,
            )
            if not _is_whole(workspace, version):
                stated = Manifest(
                    format=files.FORMAT,
                    id=version_id,
                    schema_hash=identity.SCHEMA_HASH,
                    rows=version.rows,
                    splits=version.splits,
                    split_plan=plan,
                    buckets=tuple(buckets),
                    files=(),
                    merged=others.records + len(places.records) - len(refused) - rows.size,
                    refused_suite_matches=len(refused),
                    warnings=(*assignment.warnings, *_damage_warnings(history.damaged, version_id)),
                )
                _write(workspace.versions_folder, stated, rows, assignment, ranges, pool)
    with workspace.write() as connection:
        version_store.add(connection, version)
        detail = {
            "name": name,
            "rows": version.rows,
            "left out because they stand in a test suite": refused,
            "manifest": _manifest_hash(workspace.versions_folder / version_id),
        }
        events.append(connection, Kind.FREEZE, version_id, actor=actor, at=version.created_at, detail=detail)
        return version_store.get(connection, version_id)


def _ranges(
    connection: Connection, workspace: Workspace, project_id: int, places: accepted.Places, folder: Path
) -> Ranges:
    """Ranges that fit in memory, for all that a project has accepted."""
    used = np.unique(np.concatenate([places.records[:, 1], places.arrivals[:, 1]])).tolist()
    stored = (workspace.records_folder / places.parts[part][0] for part in used)
    size = sum(file.stat().st_size for file in stored if file.exists())
    rows = len(places.records) + len(places.arrivals) + accepted.count_edited(connection, project_id)
    return ranges_for(folder, rows=rows, size=size)


_LISTED = 5


def _undecided(rows: Rows, ranges: Ranges, stood: NDArray[np.int64], merges: Sequence[Merge]) -> VersionError:
    """The error for records that belong together and stood in different splits; it names some of them."""
    examples = []
    for merged in merges[:_LISTED]:
        shown = []
        for split in merged.splits:
            row = next(n for n in merged.records if stood[n] % len(_SPLITS) == _SPLITS.index(split))
            digest = keyed.as_bytes(rows.hashes[row : row + 1]).tobytes()
            shown.append(f"{_short(ranges.instruction(digest))} ({split.value}, row {digest.hex()[:12]})")
        examples.append(" and ".join(shown))
    groups = "group of records that belongs" if len(merges) == 1 else "groups of records that belong"
    return VersionError(
        f"{len(merges):,} {groups} together stood in different splits before: {'; '.join(examples)}"
        f"{'; ...' if len(merges) > _LISTED else ''}.",
        hint="Decide with --merged-splits: oldest keeps each group where its oldest record stands, train moves it to "
        "train, so that nothing that was trained on is tested on.",
    )


def _short(text: str) -> str:
    line = " ".join(text.split())
    return f'"{line[:60]}..."' if len(line) > 60 else f'"{line}"'


def _damage_warnings(damaged: Sequence[Version], version_id: str) -> list[str]:
    others = [version for version in damaged if version.id != version_id]
    return [f"Version {version.id[:12]} is damaged and could not say where its rows stood." for version in others]


def _is_whole(workspace: Workspace, version: Version) -> bool:
    """Whether the version is frozen already and its files are intact."""
    with workspace.read() as connection:
        is_known = any(each.id == version.id for each in version_store.newest_first(connection))
    return is_known and not damage(workspace, version)


def _manifest_hash(folder: Path) -> str:
    return hashlib.sha256((folder / files.MANIFEST).read_bytes()).hexdigest()


def _check(rows: Rows, assignment: Assignment, plan: SplitPlan) -> None:
    for key, stands in keyed.leaks(rows, assignment.places):
        raise VersionError(
            f"{key} would stand in {' and '.join(sorted(stands))}.",
            hint="This is an error of Curator: please report it with the version of the program.",
        )
    present = set(np.unique(assignment.places).tolist())
    shares = {Split.TRAIN: plan.train, Split.VALIDATION: plan.validation, Split.TEST: plan.test}
    for split, share in shares.items():
        if share > 0 and _SPLITS.index(split) not in present:
            raise VersionError(
                f"No record falls into the split {split.value}; {rows.size} records are too few for it.",
                hint="Accept more records, or give the split a share of 0 or a larger one.",
            )


def _write(folder: Path, stated: Manifest, rows: Rows, assignment: Assignment, ranges: Ranges, pool: Pool) -> None:
    """Write the folder of the version, in the place of a damaged one; a process that dies leaves no half of it."""
    bits = {split: bits_for(stated.splits[split]) for split in Split}
    starts = np.searchsorted(rows.hashes[:, 0], np.arange(1 << ranges.bits, dtype=np.uint64) << np.uint64(
        64 - ranges.bits)) if ranges.bits else np.array([0])  # fmt: skip
    ends = [*starts[1:].tolist(), rows.size]
    try:
        with whole.folder(folder / stated.id) as unfinished:
            tasks = (
                RangeTask(n, ranges, unfinished, assignment.places[start:end].tobytes(), bits)
                for n, (start, end) in enumerate(zip(starts.tolist(), ends, strict=True))
            )
            written = [chunk for some in pool.each(write_range, tasks) for chunk in some]
            written += write_rest(ranges, unfinished, bits)
            complete = _complete(stated, written)
            (unfinished / files.MANIFEST).write_bytes(files.canonical_json(complete.model_dump(mode="json")))
    except OSError as error:
        raise VersionError(
            f"The version cannot be written: {error}.", hint="Check the space and the rights there."
        ) from error


def _complete(stated: Manifest, written: Sequence[WrittenChunk]) -> Manifest:
    """The manifest with all that the files say."""
    in_order = sorted(written, key=lambda chunk: (_SPLITS.index(chunk.split), chunk.number))
    return stated.model_copy(
        update={
            "files": tuple(chunk.content for chunk in in_order),
            "provenance": tuple(chunk.provenance for chunk in in_order),
            "provenance_hash": identity.hash_parts(chunk.arrivals_hash for chunk in in_order),
            "sources": total(in_order, "sources"),
            "licences": total(in_order, "licences"),
        }
    )
