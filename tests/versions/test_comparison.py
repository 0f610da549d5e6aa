"""Two versions side by side: what is counted is what a plain comparison of their rows counts."""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest
from typer.testing import CliRunner

from curator import Workspace, versions
from curator.cli.main import app
from curator.quality import makeup
from curator.store import projects, records
from curator.versions.comparison import compare
from schemas.annotation import RecordState
from schemas.record import Message, Record
from schemas.version import FrozenRow, SplitPlan
from tests.conftest import make_record

ALL_TRAIN = SplitPlan(train=1, validation=0, test=0)


def accept(workspace: Workspace, *items: Record) -> list[str]:
    with workspace.write() as connection:
        project = projects.by_name(connection)
        return records.add_many(connection, items, project=project, at=workspace.clock(), accept=True)


def settle(workspace: Workspace, record_id: str, final: Record | None) -> None:
    state = RecordState.REJECTED if final is None else RecordState.ACCEPTED
    with workspace.write() as connection:
        records.set_state(connection, records.get(connection, record_id), state, final=final)


def plain_diff(before: list[FrozenRow], after: list[FrozenRow]) -> dict[str, set[str]]:
    """The ids of rows that differ, found by going through both lists."""
    old, new = {row.row_id: row for row in before}, {row.row_id: row for row in after}
    edited = {
        row.row_id
        for row in after
        if row.row_id not in old
        and any(row.imported_hashes & each.imported_hashes for each in before if each.row_id not in new)
    }
    both = old.keys() & new.keys()
    return {
        "same": both,
        "added": new.keys() - old.keys() - edited,
        "removed": {
            row.row_id
            for row in before
            if row.row_id not in new and not any(row.imported_hashes & new[each].imported_hashes for each in edited)
        },
        "edited": edited,
        "relabelled": {
            id
            for id in both
            if (old[id].record.labels, old[id].record.groups) != (new[id].record.labels, new[id].record.groups)
        },
        "moved": {id for id in both if old[id].split != new[id].split}
        | {
            id
            for id in edited
            if any(row.imported_hashes & new[id].imported_hashes and row.split != new[id].split for row in before)
        },
    }


def made_versions(workspace: Workspace) -> tuple[str, str]:
    """Two versions of some hundred records, of which some were edited, taken out, added and given labels between."""
    draw = random.Random(5)
    many = [
        make_record(
            f"Question {n} about {draw.choice(['tides', 'bread', 'courts'])}?",
            "word " * draw.randrange(60),
            licence=draw.choice([None, "MIT"]),
            language=draw.choice([None, "en", "de"]),
        )
        for n in range(120)
    ]
    ids = accept(workspace, *many)
    versions.freeze(workspace, actor="me", name="first")
    chosen = draw.sample(range(120), 30)
    for n in chosen[:10]:
        settle(workspace, ids[n], many[n].with_response(f"A better answer {n}."))
    for n in chosen[10:15]:
        settle(workspace, ids[n], None)
    for n in chosen[15:22]:
        settle(workspace, ids[n], many[n].model_copy(update={"labels": {"topic": "new"}}))
    turns = tuple(Message(role=role, content=f"{role} says") for role in ("user", "assistant") * 3)
    accept(workspace, *(make_record(f"New {n}?", "I'm sorry, but I can't help with that.") for n in range(8)))
    accept(workspace, make_record().model_copy(update={"messages": turns}))
    versions.freeze(workspace, actor="me", name="second", plan=SplitPlan(salt="another"))
    return "first", "second"


def test_every_count_is_that_of_a_plain_comparison(workspace: Workspace) -> None:
    first, second = made_versions(workspace)
    before, after = (list(versions.rows(workspace, name)) for name in (first, second))
    expected = plain_diff(before, after)
    assert all(expected[kind] for kind in ("same", "added", "removed", "edited", "relabelled"))
    compared = compare(workspace, first, second, examples=200)
    for kind, ids in expected.items():
        assert getattr(compared, kind) == len(ids), kind
        shown = compared.examples.get(kind, ())
        if kind != "same":
            assert {(each.after or each.before).row_id for each in shown} == ids
    assert (compared.before.rows, compared.after.rows) == (len(before), len(after))
    report = versions.diff(workspace, first, second)
    assert (report.added, report.removed, report.edited) == (compared.added, compared.removed, compared.edited)


def test_how_both_are_made_up_is_counted_over_every_row(workspace: Workspace) -> None:
    first, second = made_versions(workspace)
    distributions = {each.name: each for each in compare(workspace, first, second).distributions}
    before, after = (list(versions.rows(workspace, name)) for name in (first, second))
    for name in makeup.PROPERTIES:
        one, other = (makeup.counts_of(row.record for row in rows)[name] for rows in (before, after))
        bars = {bar.value: (bar.before, bar.after) for bar in distributions[name].bars}
        assert bars == {value: (one[value], other[value]) for value in one | other}, name
    splits = Counter(row.split.value for row in after)
    assert {bar.value: bar.after for bar in distributions["split"].bars if bar.after} == splits
    hits = {bar.value: (bar.before, bar.after) for bar in distributions["rule"].bars}
    assert hits["boilerplate-refusal"] == (0, 8)


def test_an_edit_shows_both_wordings_and_leads_to_its_record(workspace: Workspace) -> None:
    [record_id] = accept(workspace, make_record("What is red?", "A colour."))
    versions.freeze(workspace, actor="me", name="first", plan=ALL_TRAIN)
    settle(workspace, record_id, make_record("What is red?", "A warm colour."))
    versions.freeze(workspace, actor="me", name="second", plan=ALL_TRAIN)
    [edit] = compare(workspace, "first", "second").examples["edited"]
    assert (edit.before.response, edit.after.response) == ("A colour.", "A warm colour.")
    assert edit.record_ids == (record_id,)
    same = compare(workspace, "second", "second")
    assert (same.same, same.added, same.removed, same.edited, same.examples) == (1, 0, 0, 0, {})


@pytest.mark.sqlite  # the command opens the folder by itself
def test_the_command_knows_versions_from_runs(workspace: Workspace) -> None:
    first, second = made_versions(workspace)
    where = ["--workspace", str(workspace.folder)]
    printed = json.loads(CliRunner().invoke(app, ["compare", first, second, *where, "--json"]).stdout)
    assert (printed["kind"], printed["added"], printed["edited"]) == ("versions", 9, 10)
    shown = CliRunner().invoke(app, ["compare", first, second, *where]).stdout
    assert "edited: " in shown
    unknown = CliRunner().invoke(app, ["compare", first, "no such", *where])
    assert (unknown.exit_code, "neither two runs nor two versions" in unknown.output) == (1, True)
