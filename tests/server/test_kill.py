"""A server that is killed while people submit: whatever it acknowledged is there, once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from curator import Workspace
from curator.store import annotations, projects, records, tallies
from schemas.tally import Counted
from tests.browser.conftest import serve, servers
from tests.conftest import make_record

__all__ = ["serve", "servers"]

_KILLS = 20
_PEOPLE = 4
_BETWEEN = 6  # submits acknowledged between two kills


@pytest.mark.slow
def test_twenty_kills_lose_no_acknowledged_submit_and_store_none_twice(
    workspace: Workspace, serve: Callable[..., str], servers: object
) -> None:
    with workspace.write() as connection:
        project = projects.by_name(connection)
        many = [make_record(f"Question {n}?", f"Answer {n}.") for n in range(_KILLS * _BETWEEN * 4)]
        records.add_many(connection, many, project=project, at=workspace.clock())
    address = serve(workspace.folder)
    port = int(address.rpartition(":")[2])
    acknowledged: list[tuple[str, int]] = []
    turn = threading.Condition()
    done = threading.Event()
    listens = threading.Event()
    listens.set()

    def ask(client: httpx.Client, name: str, body: dict[str, object]) -> dict[str, object]:
        """Ask until the server answers, as the screen does."""
        while True:
            try:
                response = client.post(f"{address}/api/v1/labelling/{name}", json=body)
            except httpx.TransportError:
                if done.is_set():
                    raise
                listens.wait()
                continue
            assert response.status_code == 200, response.text
            found: dict[str, object] = response.json()
            return found

    def work(person: str) -> None:
        who = {"project": 1, "person": person}
        with httpx.Client(timeout=30) as client:
            task = ask(client, "task", who)["task"]
            while not done.is_set():
                claim = {
                    "token": task["token"], "slot": task["slot_id"], "record": task["record_id"],
                    "expires_at": task["expires_at"], "answer": {"response": task["response"], "rating": 4},
                }  # fmt: skip
                answer = ask(client, "act", {**who, **claim, "kind": "submit"})
                with turn:
                    acknowledged.append((person, answer["annotation"]))
                    turn.notify_all()
                task = answer["task"]

    with ThreadPoolExecutor(_PEOPLE) as pool:
        jobs = [pool.submit(work, f"person {n}") for n in range(_PEOPLE)]
        try:
            for kill in range(_KILLS):
                with turn:
                    wanted = len(acknowledged) + _BETWEEN
                    assert turn.wait_for(lambda wanted=wanted: len(acknowledged) >= wanted, timeout=60), f"kill {kill}"
                listens.clear()
                process = servers.running.pop(address)  # in the middle of whatever the others have under way
                os.kill(process.pid, signal.SIGKILL)
                process.wait()
                assert serve(workspace.folder, port=port) == address
                listens.set()
        finally:
            done.set()
            listens.set()
        for job in jobs:
            job.result()

    with workspace.read() as connection:
        stored = list(annotations.all_standing(connection, 1))
        totals = tallies.totals(connection, 1)
    assert len(acknowledged) >= _KILLS * _BETWEEN
    assert {number for _, number in acknowledged} == {each.id for each in stored}
    assert len({each.record_id for each in stored}) == len(stored)
    assert sum(n for name, n in totals.items() if name.counted is Counted.ANSWERS) == len(stored)
