"""Duplicates of a project: found, set aside for the one that is kept, and put back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curator import jobs
from curator.annotate import answers, queue
from curator.curate import duplicates
from curator.errors import CurationError
from curator.ingest import import_file
from curator.store import events, projects, records
from curator.versions import freeze
from curator.workspace import Workspace
from schemas.annotation import Answer, RecordState
from schemas.duplicate import DuplicateKind, KeepRule
from schemas.event import Kind, of_duplicates

LONG = (
    "Water boils at a lower temperature on a mountain because the air presses less on its surface there, so its "
    "particles can leave it more easily than they can beside the sea, where the air is thick and heavy all year."
)
OTHER = (
    "Bread rises since yeast eats sugar and breathes out gas, which the dough holds in small bubbles while it rests."
)
ROWS = [
    ("Why does water boil sooner on a mountain than beside the sea?", LONG),
    ("why does water boil sooner on a mountain than beside the sea", LONG + " That is all."),
    ("Why does water boil sooner on a mountain than beside the sea?", OTHER + " So it is."),
    ("How does bread rise when it rests for an hour in a warm place?", OTHER),
    ("Say what a cat may eat and what it had better leave alone.", LONG),
]
"""The second repeats the first; the third answers the first otherwise, the fifth answers otherwise with its words."""


def filled(workspace: Workspace, folder: Path, rows: list[tuple[str, str]] = ROWS, *, accept: bool = True) -> Workspace:
    file = folder / "rows.jsonl"
    file.write_text("\n".join(json.dumps({"instruction": one, "output": other}) for one, other in rows))
    import_file(workspace, file, actor="lead", accept=accept)
    return workspace


def states(workspace: Workspace) -> list[str]:
    with workspace.read() as connection:
        every = records.every(connection, projects.by_name(connection).id)
        return [each.state.value for each in sorted(every, key=lambda each: int(each.id))]


def ids(workspace: Workspace) -> list[str]:
    with workspace.read() as connection:
        every = records.every(connection, projects.by_name(connection).id)
        return sorted((each.id for each in every), key=int)


def apply(workspace: Workspace, search_id: int, **options: bool) -> int:
    job = jobs.status(workspace, duplicates.set_aside(workspace, search_id, actor="lead", **options))
    return duplicates.change_of(job.result).changed


def undo(workspace: Workspace, search_id: int) -> tuple[int, int]:
    job = jobs.status(workspace, duplicates.put_back(workspace, search_id, actor="lead"))
    change = duplicates.change_of(job.result)
    return change.changed, change.left


def members(workspace: Workspace, kind: DuplicateKind) -> list[tuple[str, str]]:
    found = duplicates.find(workspace, kind=kind, keep=KeepRule.LONGEST, actor="lead")
    pairs = []
    for cluster in duplicates.clusters(workspace, found.id):
        _, some = duplicates.examples(workspace, found.id, cluster.kept_id)
        pairs += [(cluster.kept_id, each.member.record_id) for each in some]
    return sorted(pairs)


def test_each_kind_finds_what_is_the_same_on_its_side_only(workspace: Workspace, tmp_path: Path) -> None:
    one, two, three, four, five = ids(filled(workspace, tmp_path))
    assert members(workspace, DuplicateKind.BOTH) == [(two, one)]
    assert members(workspace, DuplicateKind.INSTRUCTION) == [(two, three)]
    assert members(workspace, DuplicateKind.RESPONSE) == [(two, five), (three, four)]


def test_finding_changes_nothing_and_setting_aside_is_one_event_that_undo_takes_back(
    workspace: Workspace, tmp_path: Path
) -> None:
    filled(workspace, tmp_path, accept=False)
    found = duplicates.find(workspace, keep=KeepRule.LONGEST, actor="lead")
    assert (found.records, found.clusters, found.members) == (5, 1, 1)
    assert states(workspace) == ["waiting"] * 5
    assert apply(workspace, found.id) == 1
    first, second = ids(workspace)[:2]
    assert states(workspace)[0] == "rejected"
    reason = duplicates.why(workspace, first)
    assert reason is not None and (reason.kept_id, reason.is_removed) == (second, True) and reason.similarity > 0.8
    task = queue.next_task(workspace, "ada", project_id=1)
    assert task is not None and task.claim.record_id == second  # no annotator is given the duplicate
    with workspace.read() as connection:
        [line] = events.about(connection, of_duplicates(found.id))
    assert line.kind is Kind.DUPLICATES_SET_ASIDE
    with pytest.raises(CurationError, match="set aside already"):
        duplicates.set_aside(workspace, found.id, actor="lead")
    assert undo(workspace, found.id) == (1, 0)
    assert states(workspace) == ["waiting"] * 5
    assert duplicates.why(workspace, first) is None
    with pytest.raises(CurationError, match="not set aside"):
        duplicates.put_back(workspace, found.id, actor="lead")


def test_a_record_that_a_person_answered_is_kept_before_a_longer_one(workspace: Workspace, tmp_path: Path) -> None:
    filled(workspace, tmp_path, accept=False)
    task = queue.next_task(workspace, "ada", project_id=1)
    assert task is not None
    answers.submit(workspace, task.claim, Answer(response=task.record.response, rating=5), annotator="ada")
    first, second = ids(workspace)[:2]
    assert task.claim.record_id == first
    found = duplicates.find(workspace, actor="lead")
    assert [each.kept_id for each in duplicates.clusters(workspace, found.id)] == [first]
    longest = duplicates.find(workspace, keep=KeepRule.LONGEST, actor="lead")
    assert [each.kept_id for each in duplicates.clusters(workspace, longest.id)] == [second]
    newest = duplicates.find(workspace, keep=KeepRule.NEWEST, actor="lead")
    assert [each.kept_id for each in duplicates.clusters(workspace, newest.id)] == [second]


def test_a_record_that_changed_or_is_held_since_the_search_stays(workspace: Workspace, tmp_path: Path) -> None:
    filled(workspace, tmp_path, accept=False)
    found = duplicates.find(workspace, keep=KeepRule.LONGEST, actor="lead")
    task = queue.next_task(workspace, "ada", project_id=1)  # holds the duplicate
    assert task is not None
    assert apply(workspace, found.id) == 0
    answers.submit(workspace, task.claim, Answer(response="Since the air is thin.", rating=4), annotator="ada")
    assert undo(workspace, found.id) == (0, 0)
    assert apply(workspace, found.id) == 0
    assert states(workspace)[0] == "accepted"


def test_undo_leaves_what_a_person_moved_since(workspace: Workspace, tmp_path: Path) -> None:
    filled(workspace, tmp_path)
    found = duplicates.find(workspace, keep=KeepRule.LONGEST, actor="lead")
    assert apply(workspace, found.id) == 1
    with workspace.write() as connection:
        stored = records.get(connection, ids(workspace)[0])
        records.set_state(connection, stored, RecordState.FLAGGED, final=None)
    assert undo(workspace, found.id) == (0, 1)
    assert states(workspace)[0] == "flagged"


def test_an_implausible_share_needs_a_second_word(workspace: Workspace, tmp_path: Path) -> None:
    rows = [("What is asked here again and again?", f"{LONG} {'so ' * (n % 3)}it is{'.' * n}") for n in range(150)]
    filled(workspace, tmp_path, rows)
    found = duplicates.find(workspace, actor="lead")
    assert found.members > 100 and found.alarm and "implausible" in found.alarm
    with pytest.raises(CurationError, match="implausible"):
        duplicates.set_aside(workspace, found.id, actor="lead")
    assert apply(workspace, found.id, despite_alarm=True) == found.members
    assert undo(workspace, found.id) == (found.members, 0)


def test_records_that_share_one_side_are_not_set_aside_at_once(workspace: Workspace, tmp_path: Path) -> None:
    filled(workspace, tmp_path)
    found = duplicates.find(workspace, kind=DuplicateKind.INSTRUCTION, actor="lead")
    with pytest.raises(CurationError, match="share one side"):
        duplicates.set_aside(workspace, found.id, actor="lead")


def test_clusters_come_page_by_page_and_a_new_search_takes_the_place_of_the_old(
    workspace: Workspace, tmp_path: Path
) -> None:
    words = ["alpha", "beta", "gamma", "delta", "kappa", "sigma", "omega"]
    rows = []
    for n, word in enumerate(words):
        text = " ".join(f"{word}{other}" for other in words) + " and so on until the end of it all"
        rows += [(f"Describe {word} with other words", text + "!" * extra) for extra in range(2 + n % 3)]
    filled(workspace, tmp_path, rows)
    first = duplicates.find(workspace, actor="lead")
    second = duplicates.find(workspace, actor="lead")
    latest = duplicates.report(workspace)
    assert latest is not None and latest.id == second.id != first.id and second.clusters == 7
    seen, after = [], None
    while page := duplicates.clusters(workspace, second.id, after=after, limit=3):
        seen += page
        after = (page[-1].members, page[-1].kept_id)
    assert len({each.kept_id for each in seen}) == 7
    assert [each.members for each in seen] == sorted((each.members for each in seen), reverse=True)


def test_tools_that_may_be_called_tell_records_apart(workspace: Workspace, tmp_path: Path) -> None:
    talk = [{"role": "user", "content": ROWS[0][0]}, {"role": "assistant", "content": LONG}]
    tools = [[], [{"type": "function", "function": {"name": "look_up"}}]]
    file = tmp_path / "talks.jsonl"
    file.write_text("\n".join(json.dumps({"messages": talk} | ({"tools": each} if each else {})) for each in tools))
    assert import_file(workspace, file, actor="lead", accept=True).imported == 2
    assert duplicates.find(workspace, actor="lead").members == 0


def test_what_is_set_aside_is_not_frozen(workspace: Workspace, tmp_path: Path) -> None:
    filled(workspace, tmp_path)
    found = duplicates.find(workspace, actor="lead")
    apply(workspace, found.id)
    assert freeze(workspace, actor="lead").rows == 4


def test_no_records_and_a_similarity_out_of_range(workspace: Workspace) -> None:
    found = duplicates.find(workspace, actor="lead")
    assert (found.records, found.clusters, found.alarm) == (0, 0, None)
    assert apply(workspace, found.id) == 0
    with pytest.raises(CurationError, match="out of range"):
        duplicates.find(workspace, least=0.2, actor="lead")
