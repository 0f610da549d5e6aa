"""The differences between two versions: which rows were added, removed, edited, relabelled or moved to another split.

Rows are compared by the hashes that their files hold, so texts are not read, and buckets that are equal are left out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from curator.store import corrections, records
from curator.versions import files
from curator.versions.querying import querying
from curator.versions.rows import find, folder_of, manifest
from curator.workspace import Workspace
from schemas.version import DiffReport, Manifest, ReviewedChange, Split

_EXAMPLES = 10


class Differences(NamedTuple):
    """Every row that differs, by id and in the order of the ids; a row may be relabelled and moved."""

    added: list[str]
    removed: list[str]
    edited: dict[str, str]
    """Id of the row as it is, by id of the row as it was: both came in as the same content."""
    relabelled: list[str]
    """Same content, other groups or labels."""
    moved: dict[str, tuple[str, str]]
    """The split before and after, by id of the row as it is."""


def diff(workspace: Workspace, before: str, after: str) -> DiffReport:
    """What changed from version `before` to version `after`, with the first rows of each kind of change."""
    first, second = manifest(workspace, before), manifest(workspace, after)
    changed = differences(workspace, first, second)
    kinds = {
        "added": changed.added,
        "removed": changed.removed,
        "edited": sorted(changed.edited.values()),
        "relabelled": changed.relabelled,
        "moved": list(changed.moved),
    }
    counts = {kind: len(ids) for kind, ids in kinds.items()}
    examples = {kind: tuple(ids[:_EXAMPLES]) for kind, ids in kinds.items() if ids}
    reviewed = _reviewed(workspace, find(workspace, after).project_id, kinds, first, second)
    return DiffReport(before=first.id, after=second.id, **counts, examples=examples, reviewed=reviewed)


DIFFERING = """
WITH before AS ({before}), after AS ({after})
SELECT coalesce(before.row_id, after.row_id) AS row_id, before.split, after.split,
       before.training_hash <> after.training_hash AS relabelled
FROM before
FULL OUTER JOIN after ON before.row_id = after.row_id
WHERE before.row_id IS NULL
   OR after.row_id IS NULL
   OR before.split <> after.split
   OR before.training_hash <> after.training_hash
ORDER BY row_id
"""  # one row per row id that is not the same in both versions

IDENTITIES = """
SELECT row_id, training_hash, '{split}' AS split
FROM read_parquet($files_{side}_{split})
WHERE list_contains($buckets, substr(row_id, 1, 2))
"""  # one row per frozen row of a split

FIRST_IDENTITIES = """
SELECT row_hash[:32] AS row_id, meta_hash AS training_hash, '{split}' AS split
FROM read_parquet($files_{side}_{split})
WHERE list_contains($buckets, substr(row_hash, 1, 2))
"""  # one row per frozen row of a split of a version of format 1


def differences(workspace: Workspace, first: Manifest, second: Manifest) -> Differences:
    """Every row that differs between two versions; only buckets that differ are compared.

    A row whose content changed has another id; it counts as edited where both came in as the same content.
    """
    is_comparable = min(first.format, second.format) > 1
    pairs = enumerate(zip(first.buckets, second.buckets, strict=True))
    buckets = [f"{n:02x}" for n, (one, other) in pairs if not is_comparable or one != other]
    parameters: dict[str, object] = {"buckets": buckets}
    sides = []
    for side, stated in (("before", first), ("after", second)):
        texts = []
        for split, paths in _files(folder_of(workspace, stated.id)):
            text = FIRST_IDENTITIES if stated.format == 1 else IDENTITIES
            texts.append(text.format(side=side, split=split.value))
            parameters[f"files_{side}_{split.value}"] = [str(content) for content, _ in paths]
        sides.append(" UNION ALL ".join(texts))
    with querying(first.id, second.id) as connection:
        rows = connection.execute(DIFFERING.format(before=sides[0], after=sides[1]), parameters).fetchall()
    gone = {row_id: was for row_id, was, now, _ in rows if now is None}
    fresh = {row_id: now for row_id, was, now, _ in rows if was is None}
    edited = _pair(_imported(workspace, first, gone), _imported(workspace, second, fresh))
    moved = {row_id: (was, now) for row_id, was, now, _ in rows if was and now and was != now}
    pairs_moved = {new: (gone[old], fresh[new]) for old, new in edited.items() if gone[old] != fresh[new]}
    return Differences(
        added=sorted(fresh.keys() - set(edited.values())),
        removed=sorted(gone.keys() - edited.keys()),
        edited=edited,
        relabelled=[row_id for row_id, _, _, relabelled in rows if relabelled and is_comparable],
        moved={row_id: (moved | pairs_moved)[row_id] for row_id in [*sorted(moved), *sorted(pairs_moved)]},
    )


def _files(folder: Path) -> Iterator[tuple[Split, list[tuple[Path, Path]]]]:
    """The files of each split of a version."""
    for split in Split:
        yield split, files.paths_of(folder, split)


IMPORTED = """
SELECT DISTINCT row_id, content_hash
FROM read_parquet($files)
SEMI JOIN (SELECT unnest($row_ids) AS row_id) USING (row_id)
"""  # one row per wanted row and content that it came in with


def _imported(workspace: Workspace, stated: Manifest, row_ids: Collection[str]) -> dict[str, set[str]]:
    """Some rows of a version, by the hash of each content that they came in with."""
    imported: dict[str, set[str]] = {}
    if stated.format == 1 or not row_ids:
        return imported
    origins = [str(origin) for _, paths in _files(folder_of(workspace, stated.id)) for _, origin in paths]
    with querying(stated.id) as connection:
        rows = connection.execute(IMPORTED, {"files": origins, "row_ids": sorted(row_ids)}).fetchall()
    for row_id, content_hash in rows:
        imported.setdefault(content_hash, set()).add(row_id)
    return imported


def _pair(old: Mapping[str, set[str]], new: Mapping[str, set[str]]) -> dict[str, str]:
    """Rows that went and rows that came which are one record, edited: they share a content that they came in with."""
    pairs: dict[str, str] = {}
    taken: set[str] = set()
    for imported in sorted(old.keys() & new.keys()):
        before = sorted(each for each in old[imported] if each not in pairs)
        after = sorted(each for each in new[imported] if each not in taken)
        for one, other in zip(before, after, strict=False):
            pairs[one] = other
            taken.add(other)
    return dict(sorted(pairs.items(), key=lambda pair: pair[1]))


def _reviewed(
    workspace: Workspace, project_id: int, kinds: Mapping[str, Sequence[str]], first: Manifest, second: Manifest
) -> tuple[ReviewedChange, ...]:
    """Rows that came, changed or went after a reviewer of outputs had sent their record back."""
    with workspace.read() as connection:
        sent = corrections.of_project(connection, project_id)
        contents = {id: each.content_hash for id, each in records.some(connection, {s.record_id for s in sent}).items()}
    changes = []
    for change, stated in (("added", second), ("edited", second), ("removed", first)) if sent else ():
        imported = _imported(workspace, stated, kinds[change])
        for each in sent:
            for row_id in sorted(imported.get(contents.get(each.record_id, ""), ())):
                changes.append(
                    ReviewedChange(
                        change=change, row_id=row_id, record_id=each.record_id, kind=each.kind, reason=each.reason
                    )
                )
    return tuple(changes)
