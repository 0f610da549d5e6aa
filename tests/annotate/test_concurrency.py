"""Many annotators at once, in several processes: every slot is answered once, by different people; nobody starves."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest

from curator import Workspace, open_workspace
from curator.annotate import answers, queue, settings
from curator.settings import Settings
from curator.store import annotations, claims, projects, records, tallies
from schemas.annotation import Answer, RecordState
from tests.conftest import make_record

_PROCESSES, _THREADS = 4, 32
_OVERLAP = 3
_RECORDS = 1667  # 5,001 slots


def _one_process(folder: str, database_url: str | None, process: int) -> dict[str, list[int]]:
    """Thirty-two people answer what they get until nothing is left for them; ids of their answers."""
    workspace = open_workspace(Path(folder), settings=Settings(database_url=database_url))

    def work(person: str) -> list[int]:
        given = []
        while task := queue.next_task(workspace, person, project_id=1):
            answer = Answer(response=task.record.response, rating=4)
            given.append(answers.submit(workspace, task.claim, answer, annotator=person).id)
        return given

    people = [f"person {process}.{n}" for n in range(_THREADS)]
    with ThreadPoolExecutor(_THREADS) as pool:
        found = dict(zip(people, pool.map(work, people), strict=True))
    workspace.close()
    return found


@pytest.mark.slow
def test_128_annotators_in_four_processes_answer_5000_slots(workspace: Workspace, database_url: str | None) -> None:
    settings.change(workspace, project_id=1, actor="Lea", reviews_required=_OVERLAP)
    with workspace.write() as connection:
        project = projects.by_name(connection)
        many = [make_record(f"Question {n}?", f"Answer {n}.") for n in range(_RECORDS)]
        ids = records.add_many(connection, many, project=project, at=workspace.clock())

    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(_PROCESSES, mp_context=spawn) as pool:
        jobs = [
            pool.submit(_one_process, str(workspace.folder), database_url, process) for process in range(_PROCESSES)
        ]
        acknowledged = {person: given for job in jobs for person, given in job.result().items()}

    with workspace.read() as connection:
        stored = list(annotations.all_standing(connection, 1))
        totals = tallies.totals(connection, 1)
        assert claims.leases(connection, project_id=1) == []
    assert sorted(each.id for each in stored) == sorted(number for given in acknowledged.values() for number in given)
    by_record: dict[str, set[str]] = {}
    for each in stored:
        by_record.setdefault(each.record_id, set()).add(each.annotator)
    assert len(stored) == _OVERLAP * _RECORDS
    assert Counter(len(people) for people in by_record.values()) == {_OVERLAP: len(ids)}
    assert totals[f"record:{RecordState.ACCEPTED.value}"] == _RECORDS
    assert {person: totals[f"annotator:{person}"] for person in acknowledged} == {
        person: len(given) for person, given in acknowledged.items()
    }
    assert min(len(given) for given in acknowledged.values()) > 0  # nobody starves
