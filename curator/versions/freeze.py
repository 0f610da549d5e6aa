"""Freezing: the accepted records of a project become an immutable version.

One consistent read, one folder written beside its final place and renamed at the end: a version is whole or absent.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import NamedTuple

from curator import whole
from curator.access import require
from curator.errors import VersionError
from curator.quality.contamination import holds_test_prompt
from curator.store import events, projects, records, suites
from curator.store import versions as register
from curator.versions import files, identity
from curator.versions.split import Keys, assign, keys_of, leaks
from curator.workspace import Workspace
from schemas.account import Right
from schemas.record import Record
from schemas.version import FrozenRow, Manifest, Split, SplitPlan, Version


class _Candidate(NamedTuple):
    row_id: str
    record: Record
    keys: Keys
    row_hash: str
    meta_hash: str


def freeze(
    workspace: Workspace,
    *,
    actor: str,
    project: str | None = None,
    name: str | None = None,
    plan: SplitPlan | None = None,
) -> Version:
    """The version made of every accepted record of a project.

    Records whose prompt stands in a test suite are left out and counted in the manifest. The same content frozen
    again is the same version.

    Raises:
        VersionError: Nothing is accepted, a split would be empty, or the name is taken by another version.
    """
    require(workspace, actor, Right.CURATE)
    plan = plan or SplitPlan()
    with workspace.read() as connection:
        owner = projects.by_name(connection, project)
        forbidden = suites.firewall(connection)
        taken = {version.name: version.id for version in register.newest_first(connection) if version.name}
        candidates: list[_Candidate] = []
        refused: list[str] = []
        for stored in records.accepted(connection, owner.id):
            record = stored.final or stored.content
            if holds_test_prompt(record, forbidden):
                refused.append(stored.id)
                continue
            hashes = identity.row_hash(record), identity.meta_hash(record)
            candidates.append(_Candidate(stored.id, record, keys_of(record), *hashes))
    if not candidates:
        raise VersionError(
            f"Project {owner.name} has no accepted record that may be frozen ({len(refused)} stand in a test suite).",
            hint="Annotate records, or import a trusted file with --accept.",
        )
    keys = [candidate.keys for candidate in candidates]
    splits = assign(keys, plan)
    _check(keys, splits, plan)

    entries = [
        identity.Entry(c.row_id, c.row_hash, c.meta_hash, s.value) for c, s in zip(candidates, splits, strict=True)
    ]
    buckets = identity.bucket_hashes(entries)
    version_id = identity.version_id(buckets)
    if name is not None and taken.get(name, version_id) != version_id:
        raise VersionError(f"Name {name} belongs to version {taken[name][:12]}.", hint="Choose another name.")

    counts = Counter(splits)
    version = Version(
        id=version_id,
        name=name,
        rows=len(candidates),
        splits={split: counts[split] for split in Split},
        created_at=workspace.clock(),
        created_by=actor,
        project_id=owner.id,
    )
    if not (workspace.versions_folder / version_id).exists():
        _write(workspace.versions_folder, version, candidates, splits, plan=plan, buckets=buckets, refused=len(refused))
    with workspace.write() as connection:
        register.add(connection, version)
        detail = {"name": name, "rows": version.rows, "left out because they stand in a test suite": refused}
        events.append(connection, "freeze", version_id, actor=actor, at=version.created_at, detail=detail)
        return register.get(connection, version_id)


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


def _write(
    folder: Path,
    version: Version,
    candidates: list[_Candidate],
    splits: list[Split],
    *,
    plan: SplitPlan,
    buckets: list[str],
    refused: int,
) -> None:
    """Write the folder of the version; a process that dies leaves no half of it."""
    try:
        with whole.folder(folder / version.id, replaces=False) as unfinished:
            written = []
            for split in Split:
                rows = (
                    (FrozenRow(c.row_id, c.row_hash, split, c.record), c.meta_hash)
                    for c, placed in zip(candidates, splits, strict=True)
                    if placed is split
                )
                file = unfinished / files.split_file(split)
                files.write_split(file, rows)
                written.append(files.hash_file(file, name=file.name))
            manifest = Manifest(
                id=version.id,
                schema_hash=identity.SCHEMA_HASH,
                rows=version.rows,
                splits=version.splits,
                split_plan=plan,
                buckets=tuple(buckets),
                files=tuple(written),
                sources=dict(Counter(candidate.record.origin.source for candidate in candidates)),
                refused_suite_matches=refused,
            )
            (unfinished / files.MANIFEST).write_bytes(files.canonical_json(manifest.model_dump(mode="json")))
    except OSError as error:
        raise VersionError(
            f"The version cannot be written: {error}.", hint="Check the space and the rights there."
        ) from error
