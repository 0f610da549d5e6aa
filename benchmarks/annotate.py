"""Times the labelling screen: in a real browser, with a crowd beside it, and its queries on both databases.

    python benchmarks/annotate.py [--records 10000 100000 1000000] [--quick] [--json]

`screen`: from the key press that submits until the next record is painted, told by the page's own clock.
`crowd`: the same while 24 other annotators keep a page open and submit every two seconds over the routes that the
screen uses; 25 browsers on two cores would measure the browsers. `queries`: functions of the library, no browser.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import websockets
from playwright.sync_api import Page, sync_playwright
from streamlit.proto.BackMsg_pb2 import BackMsg

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from app.identity import NAME_COOKIE  # noqa: E402
from curator import Workspace, open_workspace  # noqa: E402
from curator.annotate import answers, lookup, queue  # noqa: E402
from curator.ingest import import_file  # noqa: E402
from curator.settings import Settings  # noqa: E402
from schemas.annotation import Answer  # noqa: E402
from tests.postgres import Cluster, find_programs  # noqa: E402

TARGETS = {
    "screen": {"median_ms": 120, "p95_ms": 200},
    "crowd": {"p95_ms": 500, "errors": 0},
    "first_page_s": 3.0,
}
CLIENTS, EVERY_SECONDS = 24, 2.0
_SEARCHES = 5
_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]

# Noted in the page: the moment of the key press, and the first frame after the next record is in the document.
_STOPWATCH = """
window.times = []
let pressed = null, token = null
document.addEventListener('keydown', (e) => { if (e.key === 'Enter' && e.ctrlKey) pressed = performance.now() }, true)
const look = () => {
  const now = document.querySelector('.labelling')?.screen?.task?.token
  if (pressed !== null && now && now !== token) {
    const since = pressed
    pressed = null
    requestAnimationFrame(() => setTimeout(() => window.times.push(performance.now() - since)))
  }
  if (now) token = now
  requestAnimationFrame(look)
}
look()
"""


def fill(workspace: Workspace, count: int) -> None:
    """A queue of `count` records of about 60 words, as an import makes it."""
    text = " ".join(f"word{n}" for n in range(45))
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "made.jsonl"
        with file.open("w", encoding="utf-8") as stream:
            for n in range(count):
                row = {"instruction": f"Task {n}: summarise this. {text}", "output": f"Summary {n} of the text."}
                stream.write(json.dumps(row) + "\n")
        import_file(workspace, file, actor="benchmark")


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, float]]:
    """Address of a server on a workspace, and the seconds that it took to answer."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    began = time.perf_counter()
    command = [sys.executable, "-m", "curator", "serve", "--workspace", str(folder), "--port", str(port)]
    process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        while True:
            try:
                with urllib.request.urlopen(f"{address}/api/v1/health"):
                    break
            except OSError:
                if process.poll() is not None:
                    raise RuntimeError("the server ended before it answered") from None
                time.sleep(0.02)
        yield address, time.perf_counter() - began
    finally:
        process.terminate()
        process.wait(timeout=30)


@contextmanager
def browsing() -> Iterator[Page]:
    """A page of 1400 x 800 pixels."""
    names = ("chromium", "chromium-browser", "google-chrome")
    path = os.environ.get("CURATOR_CHROMIUM") or next(filter(None, map(shutil.which, names)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield browser.new_page(viewport={"width": 1400, "height": 800})
        browser.close()


def submit_many(page: Page, count: int, *, pause: float = 0.0) -> list[float]:
    """Milliseconds from the key press to the next record, for each of `count` submits."""
    for n in range(count):
        page.keyboard.press("4")
        page.keyboard.press("Control+Enter")
        page.wait_for_function("n => window.times.length > n", arg=n)
        if pause:
            page.wait_for_timeout(pause * 1000)
    return list(page.evaluate("window.times"))


def open_screen(page: Page, address: str, person: str) -> float:
    """Open the screen with its stopwatch; seconds until the first record stands there."""
    page.add_init_script(_STOPWATCH)
    began = time.perf_counter()
    page.context.add_cookies([{"name": NAME_COOKIE, "value": quote(person), "url": address}])
    page.goto(f"{address}/annotate")
    page.wait_for_selector(".labelling footer")
    return time.perf_counter() - began


def summary(times: list[float]) -> dict[str, float]:
    """Median and 95th percentile."""
    return {
        "submits": len(times),
        "median_ms": statistics.median(times),
        "p95_ms": statistics.quantiles(times, n=20)[-1],
    }


class Crowd:
    """Annotators who keep a page open and submit every two seconds."""

    def __init__(self, address: str, clients: int) -> None:
        self.address, self.clients = address, clients
        self.errors: list[str] = []
        self.times: list[float] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def __enter__(self) -> Crowd:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    async def _run(self) -> None:
        await asyncio.gather(*(self._work(n) for n in range(self.clients)))

    async def _work(self, n: int) -> None:
        person = f"client {n}"
        await asyncio.sleep(EVERY_SECONDS * n / self.clients)  # people do not submit in step
        stream = self.address.replace("http", "ws") + "/_stcore/stream"
        async with (
            websockets.connect(stream, subprotocols=["streamlit"], origin=self.address, max_size=None) as socket,  # type: ignore[list-item,arg-type]
            httpx.AsyncClient(base_url=f"{self.address}/api/v1/labelling", timeout=60) as client,
        ):
            hello = BackMsg()
            hello.rerun_script.query_string = f"person={person}"
            hello.rerun_script.page_name = "annotate"
            await socket.send(hello.SerializeToString())
            reader = asyncio.create_task(self._read(socket))
            who = {"project": 1, "person": person}
            try:
                task = (await self._call(client, "task", who))["task"]
                while not self._stop.is_set():
                    await asyncio.sleep(EVERY_SECONDS)
                    claim = {
                        "token": task["token"], "slot": task["slot_id"], "record": task["record_id"],
                        "expires_at": task["expires_at"],
                    }  # fmt: skip
                    answer = {"response": task["response"], "rating": 4}
                    await self._call(client, "draft", {**who, **claim, "answer": answer})
                    began = time.perf_counter()
                    task = (await self._call(client, "act", {**who, **claim, "answer": answer, "kind": "submit"}))[
                        "task"
                    ]
                    self.times.append((time.perf_counter() - began) * 1000)
            except (httpx.HTTPError, RuntimeError) as error:
                self.errors.append(f"{person}: {error!r}")
            reader.cancel()

    @staticmethod
    async def _read(socket: Any) -> None:
        async for _ in socket:
            pass

    @staticmethod
    async def _call(client: httpx.AsyncClient, name: str, body: dict[str, Any]) -> dict[str, Any]:
        response = await client.post(f"/{name}", json=body)
        if response.status_code != 200:
            raise RuntimeError(f"{name}: {response.status_code} {response.text[:200]}")
        found: dict[str, Any] = response.json()
        return found


def measure_screen(folder: Path, *, submits: int, crowd_submits: int) -> dict[str, Any]:
    """One browser alone, then beside the crowd."""
    found: dict[str, Any] = {}
    with serving(folder) as (address, seconds), browsing() as page:
        found["server_answers_s"] = seconds
        found["first_page_s"] = seconds + open_screen(page, address, "Ada")
        submit_many(page, 5)  # the first ones warm caches
        page.evaluate("window.times.length = 0")
        found["screen"] = summary(submit_many(page, submits))
        if crowd_submits:
            page.evaluate("window.times.length = 0")
            with Crowd(address, CLIENTS) as crowd:
                page.wait_for_timeout(2 * EVERY_SECONDS * 1000)
                times = submit_many(page, crowd_submits, pause=EVERY_SECONDS / 2)
            found["crowd"] = summary(times) | {
                "others_submits": len(crowd.times),
                "others_p95_ms": statistics.quantiles(crowd.times, n=20)[-1],
                "errors": len(crowd.errors),
                "first_errors": crowd.errors[:3],
            }
    return found


def measure_queries(workspace: Workspace, *, times: int) -> dict[str, float]:
    """Median milliseconds of what the screen and the lists ask."""
    found: dict[str, list[float]] = {
        "claim": [], "submit": [], "list": [], "history": [], "search, 50 found": [], "search, none found": [],
    }  # fmt: skip

    def timed(name: str, work: Any) -> Any:
        began = time.perf_counter()
        result = work()
        found[name].append((time.perf_counter() - began) * 1000)
        return result

    after = ""
    for _ in range(times):
        task = timed("claim", lambda: queue.next_task(workspace, "Zoe", project_id=1))
        given = Answer(response=task.record.response, rating=4)
        timed("submit", lambda task=task, given=given: answers.submit(workspace, task.claim, given, annotator="Zoe"))
        timed("history", lambda: answers.history(workspace, "Zoe", project_id=1))
        page = timed("list", lambda after=after: lookup.page(workspace, project_id=1, after=after))
        after = page[-1].id
    for _ in range(_SEARCHES):
        many = timed("search, 50 found", lambda: lookup.find(workspace, "summarise word9", project_id=1))
        assert len(many) == 50
        assert timed("search, none found", lambda: lookup.find(workspace, "word99", project_id=1)) == []
    return {name: statistics.median(values) for name, values in found.items()}


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--submits", type=int, default=60)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    sizes = [2_000] if options.quick else options.records
    submits = 15 if options.quick else options.submits
    report: dict[str, Any] = {"targets": TARGETS, "sizes": {}}
    for size in sizes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "workspace"
            workspace = open_workspace(folder, create=True)
            fill(workspace, size)
            found = {"sqlite": measure_queries(workspace, times=submits)}
            workspace.close()
            print(f"{size:,} records in SQLite", file=sys.stderr)
            found |= measure_screen(folder, submits=submits, crowd_submits=0 if size < max(sizes) else submits // 2)
            programs = find_programs()
            if programs is not None:
                cluster = Cluster(programs)
                with cluster.database() as url:
                    remote = open_workspace(Path(name) / "other", create=True, settings=Settings(database_url=url))
                    fill(remote, size)
                    found["postgres"] = measure_queries(remote, times=submits)
                    remote.close()
                cluster.stop()
            report["sizes"][size] = found
            print(json.dumps(found), file=sys.stderr)
    print(json.dumps(report) if options.json else json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
