"""Verify: whatever changes in a version is found and named, and what others would be handed is checked before."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import update

from curator import Workspace, versions
from curator.errors import CuratorError, VersionError
from curator.quality.fingerprint import content_hash
from curator.store import events, projects, records
from curator.store import versions as version_store
from curator.store.tables import event as event_table
from curator.store.tables import version as version_table
from curator.versions import files
from curator.versions.lineage import holding
from curator.versions.nearest import nearest
from schemas.event import Kind
from schemas.version import ExportFormat, Manifest, Split, SplitPlan, Version
from tests.conftest import cut, make_record

PLAN = SplitPlan(train=0.5, validation=0.25, test=0.25)


@pytest.fixture
def frozen(workspace: Workspace) -> Version:
    """A version of 40 rows in three splits."""
    with workspace.write() as connection:
        rows = [make_record(f"Question {n}?", licence="MIT", group=f"g{n}", labels={"n": str(n)}) for n in range(40)]
        records.add_many(connection, rows, project=projects.by_name(connection), at=workspace.clock(), accept=True)
    return versions.freeze(workspace, actor="me", name="first", plan=PLAN)


def problems(workspace: Workspace, version: Version) -> str:
    report = versions.verify(workspace, version.id)
    assert report.ok is not bool(report.problems)
    return " ".join(report.problems)


def test_an_intact_version_has_no_problem(workspace: Workspace, frozen: Version) -> None:
    assert problems(workspace, frozen) == ""


def folder(workspace: Workspace, version: Version) -> Path:
    return workspace.versions_folder / version.id


def changed(value: Any) -> Any:
    """Another value of the same type, as a careful forger would write it."""
    if isinstance(value, str):
        return "0" * len(value) if set(value) != {"0"} else "f" * len(value)
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    if isinstance(value, list):
        return [*value, value[0] if value else "another"]
    if isinstance(value, dict):
        return {**value, next(iter(value)): changed(next(iter(value.values())))} if value else {"x": 1}
    raise AssertionError(value)


@pytest.mark.sqlite
@pytest.mark.parametrize("field", list(Manifest.model_fields))
@pytest.mark.parametrize("change", ["another value", "removed", "nonsense"])
def test_every_field_of_the_manifest_is_covered(workspace: Workspace, frozen: Version, field: str, change: str) -> None:
    file = folder(workspace, frozen) / files.MANIFEST
    stated = json.loads(file.read_text())
    if change == "removed":
        del stated[field]
    else:
        stated[field] = changed(stated[field]) if change == "another value" else {"not": ["a", "manifest"]}
    file.write_bytes(files.canonical_json(stated))
    assert "manifest" in problems(workspace, frozen).lower()


@pytest.mark.sqlite
@pytest.mark.parametrize("field", ["id", "schema_hash", "rows", "splits", "buckets", "sources", "licences"])
def test_a_manifest_that_was_registered_with_the_change_still_disagrees_with_the_rows(
    workspace: Workspace, frozen: Version, field: str
) -> None:
    """The forger also writes the hash of the changed manifest into the log."""
    file = folder(workspace, frozen) / files.MANIFEST
    stated = json.loads(file.read_text())
    stated[field] = changed(stated[field])
    file.write_bytes(files.canonical_json(stated))
    note(workspace, frozen)
    assert problems(workspace, frozen)


def note(workspace: Workspace, version: Version) -> None:
    """Put the hash of the manifest as it is now into the log."""
    sha256 = hashlib.sha256((folder(workspace, version) / files.MANIFEST).read_bytes()).hexdigest()
    with workspace.write() as connection:
        events.append(
            connection, Kind.FREEZE, version.id, actor="forger", at=workspace.clock(), detail={"manifest": sha256}
        )


def paths(workspace: Workspace, version: Version) -> list[Path]:
    return sorted(file for file in folder(workspace, version).rglob("*") if file.is_file())


@pytest.mark.sqlite
@pytest.mark.parametrize("n", range(7))
def test_a_flipped_bit_in_any_file_is_found(workspace: Workspace, frozen: Version, n: int) -> None:
    file = paths(workspace, frozen)[n]
    content = bytearray(file.read_bytes())
    for place in (0, len(content) // 3, len(content) - 1):
        content[place] ^= 1
        file.write_bytes(content)
        assert file.name in problems(workspace, frozen) or "manifest" in problems(workspace, frozen)
        content[place] ^= 1
    file.write_bytes(content)
    assert problems(workspace, frozen) == ""


@pytest.mark.sqlite
@pytest.mark.parametrize("n", range(7))
def test_a_missing_file_is_found_and_an_extra_one_too(workspace: Workspace, frozen: Version, n: int) -> None:
    file = paths(workspace, frozen)[n]
    file.rename(file.with_name("moved"))
    assert "cannot be read" in problems(workspace, frozen)
    assert "moved was not frozen with the version" in problems(workspace, frozen) or file.name == files.MANIFEST


@pytest.mark.sqlite
def test_a_version_without_its_folder_is_not_intact(workspace: Workspace, frozen: Version) -> None:
    shutil.rmtree(folder(workspace, frozen))
    assert "The manifest cannot be read" in problems(workspace, frozen)


def set_columns(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda row: row.update(values)


def set_text(row: dict[str, Any]) -> None:
    row["messages"][-1]["content"] = "Forged."
    row["response"] = "Forged."


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("name", "forge"),
    [
        ("train.parquet", set_text),
        ("train.parquet", set_columns(response="Forged.")),
        ("train.parquet", set_columns(instruction="Forged.")),
        ("train.parquet", set_columns(row_id="0" * 32)),
        ("train.parquet", set_columns(row_id="not hexadecimal")),
        ("train.parquet", set_columns(content_hash="0" * 64)),
        ("train.parquet", set_columns(training_hash="0" * 64)),
        ("train.parquet", set_columns(labels='{"n":"forged"}')),
        ("train.parquet", set_columns(labels="{")),
        ("train.parquet", set_columns(groups=["forged"])),
        ("train.parquet", set_columns(alternative="Forged.")),
        ("train.parquet", set_columns(tools=['{"name":"forged"}'])),
        ("train.parquet", set_columns(desirable=True)),
        ("provenance/train.parquet", set_columns(source="forged.jsonl")),
        ("provenance/train.parquet", set_columns(line=7)),
        ("provenance/train.parquet", set_columns(licence="CC0")),
        ("provenance/train.parquet", set_columns(language="fr")),
        ("provenance/train.parquet", set_columns(group="forged")),
        ("provenance/train.parquet", set_columns(original=b"forged")),
        ("provenance/train.parquet", set_columns(content_hash="0" * 64)),
        ("provenance/train.parquet", set_columns(row_id="0" * 32)),
    ],
)
def test_a_row_that_was_rewritten_with_its_file_hash_and_manifest_is_found(
    workspace: Workspace, frozen: Version, name: str, forge: Callable[[dict[str, Any]], None]
) -> None:
    """A careful forger writes a valid Parquet file, its hash into the manifest and the manifest's into the log."""
    file = folder(workspace, frozen) / name
    table = pq.read_table(file)
    rows = table.to_pylist()
    forge(rows[1])
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), file)
    manifest = folder(workspace, frozen) / files.MANIFEST
    stated = json.loads(manifest.read_text())
    for part in ("files", "provenance"):
        stated[part] = [
            files.hash_file(file, name=name).model_dump() if each["path"] == name else each for each in stated[part]
        ]
    manifest.write_bytes(files.canonical_json(stated))
    note(workspace, frozen)
    assert problems(workspace, frozen)


@pytest.mark.parametrize("column", ["rows", "splits"])
def test_a_register_that_says_something_else_is_found(workspace: Workspace, frozen: Version, column: str) -> None:
    forged = {"rows": 41} if column == "rows" else {"splits": {"train": 40, "validation": 0, "test": 0}}
    with workspace.write() as connection:
        connection.execute(update(version_table).where(version_table.c.id == frozen.id).values(forged))
    assert "register" in problems(workspace, frozen)


@pytest.mark.parametrize("column", ["name", "created_by", "created_at", "project_id"])
def test_a_register_that_disagrees_with_the_log_is_found(workspace: Workspace, frozen: Version, column: str) -> None:
    with workspace.write() as connection:
        other = projects.create(connection, "other", at=workspace.clock())
        forged = {"name": "evil", "created_by": "eve", "created_at": datetime(2001, 1, 1, tzinfo=UTC)}
        values = {column: (forged | {"project_id": other.id})[column]}
        connection.execute(update(version_table).where(version_table.c.id == frozen.id).values(values))
    assert "The register" in problems(workspace, frozen)


def test_a_log_that_no_longer_holds_the_manifest_is_found(workspace: Workspace, frozen: Version) -> None:
    with workspace.write() as connection:
        of_freeze = event_table.c.subject == frozen.id
        connection.execute(update(event_table).where(of_freeze).values(detail=[]))
    assert "The log does not hold the sha256 of the manifest" in problems(workspace, frozen)


@pytest.mark.sqlite
def test_whatever_is_not_a_plain_file_is_found(workspace: Workspace, frozen: Version, tmp_path: Path) -> None:
    place = folder(workspace, frozen)
    (place / "empty").mkdir()
    assert problems(workspace, frozen) == "Folder empty was not frozen with the version."
    (place / "empty").rmdir()
    (place / "link").symlink_to("nowhere")
    assert problems(workspace, frozen) == "File link is a link, which freezing never writes."
    (place / "link").unlink()
    moved = (place / "train.parquet").rename(tmp_path / "elsewhere")
    (place / "train.parquet").symlink_to(moved)
    assert problems(workspace, frozen) == "File train.parquet is a link, which freezing never writes."


def damage(workspace: Workspace, version: Version) -> None:
    """A Parquet file that opens, with one text changed."""
    file = folder(workspace, version) / "train.parquet"
    frame = pd.read_parquet(file, dtype_backend="pyarrow")
    frame.loc[0, "response"] = "Forged."
    frame.to_parquet(file)


def test_a_damaged_version_is_not_exported_and_freezing_again_repairs_it(
    workspace: Workspace, frozen: Version, tmp_path: Path
) -> None:
    before = {file: file.read_bytes() for file in paths(workspace, frozen)}
    damage(workspace, frozen)
    with pytest.raises(VersionError, match=r"is damaged: File train\.parquet") as error:
        versions.export(workspace, frozen.id, format=ExportFormat.TRL, out=tmp_path / "out", actor="me")
    assert "Freeze the same records again" in error.value.hint
    assert not (tmp_path / "out").exists()
    assert versions.freeze(workspace, actor="me", name="first", plan=PLAN).id == frozen.id
    assert {file: file.read_bytes() for file in paths(workspace, frozen)} == before
    assert problems(workspace, frozen) == ""
    assert [each.name for each in workspace.versions_folder.iterdir()] == [frozen.id]


FIRST = Path(__file__).parent / "first_format"
FIRST_ID = next(each.name for each in FIRST.iterdir())


@pytest.fixture
def first_format(workspace: Workspace) -> Version:
    """A version that Curator 0.1 froze, in a workspace of today."""
    shutil.copytree(FIRST / FIRST_ID, workspace.versions_folder / FIRST_ID)
    stated = Manifest.model_validate_json((FIRST / FIRST_ID / files.MANIFEST).read_bytes())
    with workspace.write() as connection:
        version = Version(
            id=FIRST_ID,
            name="old",
            rows=stated.rows,
            splits=stated.splits,
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
            created_by="me",
            project_id=projects.by_name(connection).id,
        )
        version_store.add(connection, version)
    return version


def test_a_version_of_the_first_format_is_read_verified_and_exported(
    workspace: Workspace, first_format: Version, tmp_path: Path
) -> None:
    assert problems(workspace, first_format) == ""
    rows = {row.record.origin.line: row for row in versions.rows(workspace, first_format.id)}
    assert len(rows) == 12
    assert (rows[3].record.alternative, rows[3].record.groups, rows[3].record.labels) == ("Other.", ("g3",), {"n": "3"})
    assert json.loads(rows[3].record.original or b"") == {"instruction": "Question 3?", "n": 3}
    report = versions.export(workspace, "old", format=ExportFormat.PARQUET, out=tmp_path / "out", actor="me")
    assert report.rows == 12
    with workspace.write() as connection:
        again = [row.record for row in rows.values()]
        records.add_many(connection, again, project=projects.by_name(connection), at=workspace.clock(), accept=True)
    today = versions.freeze(workspace, actor="me", plan=SplitPlan(train=0.6, validation=0.2, test=0.2))
    changes = versions.diff(workspace, first_format.id, today.id)
    assert (changes.added, changes.removed, changes.edited) == (0, 0, 0)


SECOND = Path(__file__).parent / "second_format"
SECOND_ID = next(each.name for each in SECOND.iterdir())


@pytest.fixture
def second_format(workspace: Workspace) -> Version:
    """A version that was frozen before large splits were divided into files, in a workspace of today."""
    shutil.copytree(SECOND / SECOND_ID, workspace.versions_folder / SECOND_ID)
    stated = Manifest.model_validate_json((SECOND / SECOND_ID / files.MANIFEST).read_bytes())
    values = stated.model_dump(include={"rows", "splits"})
    with workspace.write() as connection:
        project_id = projects.by_name(connection).id
        at = datetime(2026, 1, 1, tzinfo=UTC)
        version = Version(id=SECOND_ID, name="old", created_at=at, created_by="me", project_id=project_id, **values)
        version_store.add(connection, version)
        sha256 = hashlib.sha256((SECOND / SECOND_ID / files.MANIFEST).read_bytes()).hexdigest()
        detail = {"name": "old", "manifest": sha256}
        events.append(connection, Kind.FREEZE, SECOND_ID, actor="me", at=at, detail=detail)
    return version


def test_a_version_of_the_second_format_is_read_and_verified_and_frozen_again_with_its_id(
    workspace: Workspace, second_format: Version, tmp_path: Path
) -> None:
    assert problems(workspace, second_format) == ""
    rows = list(versions.rows(workspace, SECOND_ID))
    assert len(rows) == 14
    assert {row.record.tools for row in rows} == {(), ('{"name":"f","most":1e400}',)}
    before = {file: pq.read_table(file) for file in folder(workspace, second_format).glob("*.parquet")}
    exported = versions.export(workspace, "old", format=ExportFormat.HF, out=tmp_path / "before", actor="me").files
    file = folder(workspace, second_format) / "provenance" / "train.parquet"
    file.write_bytes(file.read_bytes()[:-1])
    assert "provenance/train.parquet is not the one that was frozen" in problems(workspace, second_format)
    with workspace.write() as connection:
        again = [row.record for row in rows]
        records.add_many(connection, again, project=projects.by_name(connection), at=workspace.clock(), accept=True)
    plan = SplitPlan(train=0.6, validation=0.2, test=0.2)
    assert versions.freeze(workspace, actor="me", plan=plan).id == SECOND_ID
    assert {file: pq.read_table(file) for file in before} == before  # and its rows, whatever a release encodes
    assert versions.manifest(workspace, SECOND_ID).format == files.FORMAT
    assert (
        versions.export(workspace, "old", format=ExportFormat.HF, out=tmp_path / "after", actor="me").files == exported
    )


def test_damage_to_a_version_of_the_first_format_is_found(workspace: Workspace, first_format: Version) -> None:
    damage(workspace, first_format)
    assert "train.parquet is not the one that was frozen" in problems(workspace, first_format)


def test_a_version_of_a_format_to_come_is_refused(workspace: Workspace, frozen: Version) -> None:
    file = folder(workspace, frozen) / files.MANIFEST
    file.write_bytes(files.canonical_json(json.loads(file.read_text()) | {"format": 4}))
    with pytest.raises(CuratorError, match="newer than this program reads"):
        list(versions.rows(workspace, frozen.id, split=Split.TRAIN))
    assert not versions.verify(workspace, frozen.id).ok


@pytest.mark.sqlite
@pytest.mark.parametrize("part", ["content", "origins"])
def test_a_file_of_a_version_that_was_cut_ends_every_question_in_a_sentence(
    workspace: Workspace, frozen: Version, part: str
) -> None:
    with workspace.write() as connection:
        more = make_record("Another question?", "Another answer.")
        records.add_many(connection, [more], project=projects.by_name(connection), at=workspace.clock(), accept=True)
    after = versions.freeze(workspace, actor="me", plan=PLAN)
    for split in Split:
        for paths in files.paths_of(folder(workspace, after), split):
            cut(paths[part == "origins"])
    asked: list[Callable[[], object]] = [
        lambda: versions.diff(workspace, frozen.id, after.id),
        lambda: nearest(workspace, after.id, "Question 1? A colour."),
    ]
    if part == "origins":
        long_ago = datetime(2020, 1, 1, tzinfo=UTC)
        asked.append(lambda: holding(workspace, 1, {content_hash(more): long_ago}))
    for question in asked:
        with pytest.raises(VersionError, match=rf"files of version .*{after.id[:12]} cannot be read"):
            question()
