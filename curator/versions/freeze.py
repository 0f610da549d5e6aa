"""Freezing: the accepted records of a project become an immutable version.

Records leave the live state part by part as candidates (`gathering`), divided by the beginning of their hash. From
their keys alone the splits are drawn (`keyed`); then each range of candidates is sorted, equal contents become one row,
and the rows are written (`chunks`). No step holds the texts of all records. The folder is written beside its final
place and renamed at the end: a version is whole or absent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from curator import whole
from curator.access import require
from curator.errors import VersionError
from curator.memory import give_back
from curator.pool import Pool, cores, processes
from curator.store import accepted, events, projects, suites
from curator.store import versions as version_store
from curator.versions import carried, files, identity, keyed, scratch
from curator.versions.carried import Carried
from curator.versions.changed import Gathering, history_of
from curator.versions.chunks import (
    BaseChunk,
    RangeTask,
    WrittenChunk,
    bits_for,
    gathered_rows,
    rewrite,
    some_rows,
    total,
    write_range,
    write_rest,
)
from curator.versions.gathering import Ranges, gather_in_database, ranges_for
from curator.versions.history import History, earlier_splits
from curator.versions.keyed import Rows
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
    equal become one row. The same content frozen again is the same version, which takes the name if it has none; where
    its files were damaged meanwhile, they are written anew.

    Args:
        workspace: Where the records are.
        actor: Who freezes.
        project: By default the first one.
        name: For people; by default none.
        plan: How the rows are divided; records that were frozen before keep their split.
        merged_splits: What to do where records that were frozen into different splits belong together now.

    Raises:
        VersionError: Nothing is accepted, a split would be empty, the name is taken by another version, the version has
            another name, or records that belong together stood in different splits and `merged_splits` does not decide.
    """
    require(workspace, actor, Right.CURATE)
    plan = plan or SplitPlan()
    with (
        scratch.folder(workspace.folder) as folder,
        processes(are_worth_it=True, lost=_lost()) as workers,
    ):
        with workspace.read() as connection:
            owner = projects.by_name(connection, project)
            registered = version_store.newest_first(connection)
            firewall = suites.firewall(connection)
            places = accepted.places(connection, owner.id)
            is_large = len(places.records) > _WORTH_PROCESSES
            if is_large and not _carried_folder(workspace, owner.id).exists():
                workers.start()
            ranges = _ranges(workspace, places, folder)
            others = gather_in_database(connection, owner.id, places.edited, ranges, firewall=firewall, salt=plan.salt)
        earlier = [each for each in registered if each.project_id == owner.id][::-1]
        under = carried.terms(owner.id, [each.id for each in earlier], firewall.digest, plan)
        last = _last(workspace, under, earlier)
        gathering = Gathering(workspace.records_folder, places, ranges, firewall, plan.salt)
        last = last if last is not None and gathering.is_close_to(last) else None
        pool = workers if is_large and last is None else Pool(None, 1, _lost())
        rows, refused_ids = gathering.gather(last, pool)
        refused = others.refused + gathering.records_of(refused_ids)
        if not rows.size:
            raise VersionError(
                f"Project {owner.name} has no accepted record that may be frozen ({len(refused)} stand in a test "
                "suite).",
                hint="Annotate records, or import a trusted file with --accept.",
            )
        if last is None:
            history = earlier_splits(workspace, owner.id, rows.known, plan)
        else:
            history = history_of(last, under.versions.index(last.version), rows)
        give_back()
        pairs = keyed.pairs_of(rows, plan)
        give_back()
        assignment = divide(
            keyed.grouping_of(rows, pairs, plan),
            plan,
            strata=keyed.strata_of(rows, plan),
            stood=history.stood,
            to_train=merged_splits is MergedSplits.TRAIN,
        )
        if assignment.merges and merged_splits is MergedSplits.REFUSE:
            raise _undecided(rows, gathering, history.stood, assignment.merges)
        _check(rows, assignment, plan)
        buckets = identity.bucket_hashes_of(
            keyed.as_bytes(rows.hashes), keyed.as_bytes(rows.training_hashes), assignment.places, [*Split]
        )
        version_id = identity.version_id(buckets)
        taken = {each.name: each.id for each in registered if each.name}
        if name is not None and taken.get(name, version_id) != version_id:
            raise VersionError(f"Name {name} belongs to version {taken[name][:12]}.", hint="Choose another name.")
        called = next((other for other, id_ in taken.items() if id_ == version_id), name)
        if name is not None and called != name:
            raise VersionError(
                f"The same content is frozen as version {version_id[:12]}, which is called {called}.",
                hint=f"Use the name {called}: a version has one name, and keeps it.",
            )
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
        written = None
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
            written = _write(workspace.versions_folder, stated, rows, assignment, gathering, last, pool)
    with workspace.write() as connection:
        version_store.add(connection, version)
        if name is not None:
            version_store.name_it(connection, version_id, name)
        detail = {
            "name": name,
            "project": owner.id,
            "rows": version.rows,
            "left out because they stand in a test suite": refused,
            "manifest": _manifest_hash(workspace.versions_folder / version_id),
        }
        events.append(connection, Kind.FREEZE, version_id, actor=actor, at=version.created_at, detail=detail)
        stored = version_store.get(connection, version_id)
    if written is not None and not history.damaged:
        now = under.versions if version_id in under.versions else (*under.versions, version_id)
        known = _known_now(version_id, now.index(version_id), rows, assignment, history, last)
        known = known._replace(pairs=pairs, refused=refused_ids, chunks=tuple(written))
        carried.save(
            _carried_folder(workspace, owner.id),
            known,
            under._replace(versions=now),
            has_same_prompts=last is not None and known.prompts is last.prompts,
        )
    return stored


def _known_now(
    version_id: str, number: int, rows: Rows, assignment: Assignment, history: History, last: Carried | None
) -> Carried:
    """What the next freeze may go on from; the version has this number among those of its project."""
    order = np.argsort(rows.candidates)
    hashes, known_rows = rows.known.hashes, rows.known.rows
    is_other = (rows.hashes[known_rows] != hashes).any(axis=1)
    hashes, known_rows = hashes[is_other], known_rows[is_other]
    if last is not None:
        now = np.full(len(last.hashes), -1, np.int64)
        kept = np.flatnonzero(rows.carried_row >= 0)
        now[rows.carried_row[kept]] = kept
        stays = now[last.known_rows] >= 0
        hashes = np.concatenate([hashes, last.known_hashes[stays]])
        known_rows = np.concatenate([known_rows, now[last.known_rows[stays]]])
    return Carried(
        version=version_id,
        hashes=rows.hashes,
        prompt_hashes=rows.prompt_hashes[rows.prompt_of],
        training_hashes=rows.training_hashes,
        places=assignment.places,
        ages=np.where(history.stood >= 0, history.stood // len(_SPLITS), number),
        candidates=rows.candidates[order],
        row_of=rows.row_of[order],
        refused=np.empty(0, np.uint64),
        from_database=rows.from_database,
        known_hashes=hashes,
        known_rows=known_rows,
        past=history.past,
        groups=rows.groups,
        labels=rows.labels,
        prompts=rows.prompts.column,
        pairs=np.empty((0, 2), np.int64),
        chunks=(),
    )


def _carried_folder(workspace: Workspace, project_id: int) -> Path:
    return workspace.folder / "carried" / str(project_id)


def _last(workspace: Workspace, under: carried.Terms, earlier: Sequence[Version]) -> Carried | None:
    """What the last freeze knows, if it made the newest version and that is intact."""
    last = carried.load(_carried_folder(workspace, under.project_id), under)
    version = next((each for each in earlier if last is not None and each.id == last.version), None)
    return None if version is None or damage(workspace, version) else last


def _ranges(workspace: Workspace, places: accepted.Places, folder: Path) -> Ranges:
    """Ranges that fit in memory, for all that a project has accepted."""
    used = np.unique(np.concatenate([places.records[:, 1], places.arrivals[:, 1]])).tolist()
    stored = (workspace.records_folder / places.parts[part][0] for part in used)
    size = sum(file.stat().st_size for file in stored if file.exists())
    rows = len(places.records) + len(places.arrivals) + len(places.edited)
    return ranges_for(folder, rows=rows, size=size)


_LISTED = 5


def _undecided(rows: Rows, gathering: Gathering, stood: NDArray[np.int64], merges: Sequence[Merge]) -> VersionError:
    """The error for records that belong together and stood in different splits; it names some of them."""
    examples = []
    listed = np.array([row for merged in merges[:_LISTED] for row in merged.records], np.int64)
    gathering.gather_again(listed[rows.carried_row[listed] >= 0], rows, Pool(None, 1, _lost()))
    for merged in merges[:_LISTED]:
        shown = []
        for split in merged.splits:
            row = next(n for n in merged.records if stood[n] % len(_SPLITS) == _SPLITS.index(split))
            digest = keyed.as_bytes(rows.hashes[row : row + 1]).tobytes()
            shown.append(f"{_short(gathering.ranges.instruction(digest))} ({split.value}, row {digest.hex()[:12]})")
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


def _write(
    folder: Path,
    stated: Manifest,
    rows: Rows,
    assignment: Assignment,
    gathering: Gathering,
    last: Carried | None,
    pool: Pool,
) -> list[WrittenChunk]:
    """Write the folder of the version, in the place of a damaged one; a process that dies leaves no half of it.

    Returns its chunks in the order of the manifest.
    """
    bits = {split: bits_for(stated.splits[split]) for split in Split}
    try:
        with whole.folder(folder / stated.id) as unfinished:
            if last is not None and bits == _bits(last):
                written = _rewrite(folder / last.version, unfinished, rows, assignment, gathering, last, pool)
            else:
                gathering.gather_again(np.flatnonzero(rows.carried_row >= 0), rows, pool)
                written = _write_all(unfinished, rows, assignment, gathering.ranges, bits, pool)
            written.sort(key=lambda chunk: (_SPLITS.index(chunk.split), chunk.number))
            complete = _complete(stated, written)
            (unfinished / files.MANIFEST).write_bytes(files.canonical_json(complete.model_dump(mode="json")))
    except OSError as error:
        raise VersionError(
            f"The version cannot be written: {error}.", hint="Check the space and the rights there."
        ) from error
    return written


def _bits(last: Carried) -> dict[Split, int]:
    counts = np.bincount(last.places, minlength=len(_SPLITS)).tolist()
    return {split: bits_for(count) for split, count in zip(Split, counts, strict=True)}


def _write_all(
    folder: Path, rows: Rows, assignment: Assignment, ranges: Ranges, bits: dict[Split, int], pool: Pool
) -> list[WrittenChunk]:
    """Write every chunk from the gathered candidates."""
    number = _leading(rows.hashes, ranges.bits)
    edges = np.searchsorted(number, np.arange((1 << ranges.bits) + 1)).tolist()
    tasks = (
        RangeTask(n, ranges, folder, assignment.places[start:end].tobytes(), bits)
        for n, (start, end) in enumerate(pairwise(edges))
    )
    written = [chunk for some in pool.each(write_range, tasks) for chunk in some]
    return written + write_rest(ranges, folder, bits)


def _leading(hashes: NDArray[np.uint64], bits: int) -> NDArray[np.int64]:
    """The number in the first bits of hashes (N, 4)."""
    return (hashes[:, 0] >> np.uint64(64 - bits)).astype(np.int64) if bits else np.zeros(len(hashes), np.int64)


def _rewrite(
    earlier: Path,
    folder: Path,
    rows: Rows,
    assignment: Assignment,
    gathering: Gathering,
    last: Carried,
    pool: Pool,
) -> list[WrittenChunk]:
    """Write the chunks in which something is otherwise than in an earlier version; the others are linked."""
    kept = np.flatnonzero(rows.carried_row >= 0)
    before = rows.carried_row[kept]
    stays = assignment.places[kept] == last.places[before]
    gathering.gather_again(kept[~stays], rows, pool)
    is_gone = np.ones(len(last.hashes), bool)
    is_gone[before[stays]] = False
    is_new = np.ones(rows.size, bool)
    is_new[kept[stays]] = False
    gone, new = np.flatnonzero(is_gone), np.flatnonzero(is_new)
    gathered = gathered_rows(gathering.ranges)
    if gathered.content.num_rows != len(new):
        raise AssertionError("other rows were gathered than are new")
    bits = _bits(last)
    tasks = []
    for chunk in last.chunks:
        place, width = _SPLITS.index(chunk.split), bits[chunk.split]
        its_gone = gone[(last.places[gone] == place) & (_leading(last.hashes[gone], width) == chunk.number)]
        its_new = np.flatnonzero(
            (assignment.places[new] == place) & (_leading(rows.hashes[new], width) == chunk.number)
        )
        tasks.append(
            BaseChunk(
                earlier, folder, chunk, width, keyed.as_bytes(last.hashes[its_gone]), some_rows(gathered, its_new)
            )
        )
    with ThreadPoolExecutor(cores()) as threads:  # most of the work is done outside of Python's lock
        return list(threads.map(rewrite, tasks))


def _complete(stated: Manifest, written: Sequence[WrittenChunk]) -> Manifest:
    """The manifest with all that the files say."""
    return stated.model_copy(
        update={
            "files": tuple(chunk.content for chunk in written),
            "provenance": tuple(chunk.provenance for chunk in written),
            "provenance_hash": identity.hash_parts(chunk.arrivals_hash for chunk in written),
            "sources": total(written, "sources"),
            "licences": total(written, "licences"),
        }
    )


def _lost() -> VersionError:
    return VersionError(
        "A process that freezes was ended from outside, perhaps for want of memory.",
        hint="Freeze again; nothing is half-written.",
    )
