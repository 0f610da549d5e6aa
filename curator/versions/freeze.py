"""Freezing: the accepted records of a project become an immutable version.

One consistent read, one folder written beside its final place and renamed at the end: a version is whole or absent.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from curator import whole
from curator.access import require
from curator.errors import VersionError
from curator.quality.contamination import Firewall, holds_test_prompt
from curator.quality.fingerprint import content_hash, row_id
from curator.quality.units import Keys, keys_of
from curator.store import events, projects, records, suites
from curator.store import versions as version_store
from curator.versions import files, identity
from curator.versions.history import earlier_splits
from curator.versions.merging import Accepted, merge
from curator.versions.split import Frozen, Merge, assign, leaks
from curator.versions.verify import damage
from curator.workspace import Workspace
from schemas.account import Right
from schemas.event import Kind
from schemas.version import FrozenRow, Manifest, MergedSplits, Split, SplitPlan, Version


class _Gathered(NamedTuple):
    """What a freeze would hold."""

    rows: list[FrozenRow]
    """By row id; their split is not decided yet."""
    merged: int
    refused: list[str]
    """Ids of records whose prompt stands in a test suite."""


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
    with workspace.read() as connection:
        owner = projects.by_name(connection, project)
        taken = {version.name: version.id for version in version_store.newest_first(connection) if version.name}
        forbidden = suites.firewall(connection)
        gathered = _gather(records.accepted(connection, owner.id), forbidden)
    if not gathered.rows:
        left_out = len(gathered.refused)
        raise VersionError(
            f"Project {owner.name} has no accepted record that may be frozen ({left_out} stand in a test suite).",
            hint="Annotate records, or import a trusted file with --accept.",
        )
    keys = [keys_of(row.record) for row in gathered.rows]
    history = earlier_splits(workspace, owner.id, gathered.rows, plan)
    assignment = assign(
        keys,
        plan,
        strata=_strata(gathered.rows, plan),
        frozen=history.stood,
        to_train=merged_splits is MergedSplits.TRAIN,
    )
    if assignment.merges and merged_splits is MergedSplits.REFUSE:
        raise _undecided(gathered.rows, history.stood, assignment.merges)
    splits = assignment.splits
    _check(keys, splits, plan)
    rows = [row._replace(split=split) for row, split in zip(gathered.rows, splits, strict=True)]

    buckets = identity.bucket_hashes(
        identity.Entry(row.row_id, row.row_hash, identity.training_hash(row.record), row.split.value) for row in rows
    )
    version_id = identity.version_id(buckets)
    if name is not None and taken.get(name, version_id) != version_id:
        raise VersionError(f"Name {name} belongs to version {taken[name][:12]}.", hint="Choose another name.")

    counts = Counter(splits)
    version = Version(
        id=version_id,
        name=name,
        rows=len(rows),
        splits={split: counts[split] for split in Split},
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
            sources=dict(Counter(arrival.origin.source for row in rows for arrival in row.arrivals)),
            licences=dict(Counter(arrival.licence or "" for row in rows for arrival in row.arrivals)),
            merged=gathered.merged,
            refused_suite_matches=len(gathered.refused),
            warnings=(*assignment.warnings, *_damage_warnings(history.damaged, version_id)),
        )
        _write(workspace.versions_folder, stated, rows)
    with workspace.write() as connection:
        version_store.add(connection, version)
        detail = {
            "name": name,
            "rows": version.rows,
            "left out because they stand in a test suite": gathered.refused,
            "manifest": _manifest_hash(workspace.versions_folder / version_id),
        }
        events.append(connection, Kind.FREEZE, version_id, actor=actor, at=version.created_at, detail=detail)
        return version_store.get(connection, version_id)


def _gather(accepted: Iterable[records.StoredRecord], forbidden: Firewall) -> _Gathered:
    """Accepted records as rows: test prompts left out, equal contents joined."""
    by_hash: dict[str, list[Accepted]] = {}
    refused: list[str] = []
    for stored in accepted:
        record = stored.final or stored.content
        if holds_test_prompt(record, forbidden):
            refused.append(stored.id)
        else:
            by_hash.setdefault(content_hash(record), []).append(Accepted(record, stored.content_hash))
    rows = []
    for row_hash in sorted(by_hash):
        record, arrivals = merge(by_hash[row_hash])
        rows.append(FrozenRow(row_id(row_hash), row_hash, Split.TRAIN, record, arrivals))
    return _Gathered(rows, sum(map(len, by_hash.values())) - len(rows), refused)


def _strata(rows: Sequence[FrozenRow], plan: SplitPlan) -> list[str] | None:
    label = plan.stratify_by
    if label is None:
        return None
    if not any(label in row.record.labels for row in rows):
        known = sorted({name for row in rows for name in row.record.labels})
        raise VersionError(
            f"No accepted record has a label {label}.", hint=f"Their labels are {', '.join(known[:8]) or 'none'}."
        )
    return [row.record.labels.get(label, "") for row in rows]


_LISTED = 5


def _undecided(rows: Sequence[FrozenRow], stood: Sequence[Frozen | None], merges: Sequence[Merge]) -> VersionError:
    """The error for records that belong together and stood in different splits; it names some of them."""
    examples = []
    for merged in merges[:_LISTED]:
        shown = []
        for split in merged.splits:
            n = next(n for n in merged.records if (place := stood[n]) is not None and place.split is split)
            shown.append(f"{_short(rows[n].record.instruction)} ({split.value}, row {rows[n].row_id[:12]})")
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


def _check(keys: list[Keys], splits: list[Split], plan: SplitPlan) -> None:
    for key, found in leaks(keys, splits):
        raise VersionError(
            f"{key} would stand in {' and '.join(sorted(found))}.",
            hint="This is an error of Curator: please report it with the version of the program.",
        )
    present = set(splits)
    shares = {Split.TRAIN: plan.train, Split.VALIDATION: plan.validation, Split.TEST: plan.test}
    for split, share in shares.items():
        if share > 0 and split not in present:
            raise VersionError(
                f"No record falls into the split {split.value}; {len(splits)} records are too few for it.",
                hint="Accept more records, or give the split a share of 0 or a larger one.",
            )


def _write(folder: Path, stated: Manifest, rows: list[FrozenRow]) -> None:
    """Write the folder of the version, in the place of a damaged one; a process that dies leaves no half of it."""
    try:
        with whole.folder(folder / stated.id) as unfinished:
            provenance = identity.ProvenanceHash()
            for split in Split:
                files.write_split(unfinished, split, (row for row in rows if row.split is split), provenance=provenance)
            names = [files.split_file(split) for split in Split], [files.provenance_file(split) for split in Split]
            content, origins = (tuple(files.hash_file(unfinished / name, name=name) for name in some) for some in names)
            update = {"files": content, "provenance": origins, "provenance_hash": provenance.hexdigest()}
            complete = stated.model_copy(update=update)
            (unfinished / files.MANIFEST).write_bytes(files.canonical_json(complete.model_dump(mode="json")))
    except OSError as error:
        raise VersionError(
            f"The version cannot be written: {error}.", hint="Check the space and the rights there."
        ) from error
