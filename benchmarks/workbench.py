"""Times what the records page asks of a project of many rows: a page anywhere, filters, orders, words and counts.

    python benchmarks/workbench.py [--rows 100000] [--rounds 20] [--quick] [--json] [--workspace DIR]

The rows of `benchmarks/data.py` are imported and taken into the index first, which is told as well: CPU seconds, and
bytes of the database and of the index. `--workspace` asks a workspace that is there instead, however far its index has
come. Told are the median and the 95th percentile of the seconds and the CPU seconds of each question, in milliseconds.
On a machine that others use, CPU seconds say more.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "benchmarks")]

import data  # noqa: E402

from curator import Workspace, open_workspace  # noqa: E402
from curator.curate import indexing, workbench  # noqa: E402
from curator.curate.query import parse  # noqa: E402
from curator.ingest import import_file  # noqa: E402
from curator.store import indexing as stored_index  # noqa: E402
from curator.store import selection  # noqa: E402
from schemas.query import Cursor, RecordQuery, Sort  # noqa: E402

P95_MS = 300
"""For a page, a filter, an order and words, at 1,000,000 records on two cores that nothing else uses."""


def fill(folder: Path, rows: int) -> dict[str, float]:
    """Import rows and take them into the index. Returns what the index took."""
    file = folder / "rows.jsonl"
    data.write_rows(file, rows)
    workspace = open_workspace(folder / "workspace", create=True)
    import_file(workspace, file, actor="benchmark")
    began, seconds = time.process_time(), time.perf_counter()
    indexing.catch_up(workspace, 1, actor="benchmark", at_once=10**9)
    sizes = {
        name: sum(file.stat().st_size for file in workspace.folder.glob(f"{name}*")) / 2**20
        for name in ("curator.db", "search.db")
    }
    return {
        "seconds": time.perf_counter() - seconds,
        "cpu_seconds": time.process_time() - began,
        "database_mib": sizes["curator.db"],
        "index_mib": sizes["search.db"],
    }


def questions(workspace: Workspace, draw: random.Random) -> dict[str, Callable[[], object]]:
    """What is asked, by name."""
    with workspace.read() as connection:
        last = stored_index.reached(connection, 1).last
    source = workbench.offers(workspace, 1, parse("source:x").conditions[0].field)  # type: ignore[arg-type]
    some = workbench.page(workspace, RecordQuery(), project_id=1, sort=Sort()).rows
    words = sorted({word for row in some for word in row.stored.content.response.split() if len(word) > 3})

    def page(text: str, **place: Any) -> Callable[[], object]:
        query = parse(text)
        sort = place.pop("sort", Sort())

        def ask() -> object:
            after = Cursor(record_id=str(draw.randrange(last))) if place.get("anywhere") else None
            with workspace.read() as connection:
                return selection.page(connection, query, 1, sort=sort, after=after).ids

        return ask

    def counted(text: str) -> Callable[[], object]:
        return lambda: workbench.total(workspace, parse(text), 1)

    def with_words(count: bool) -> Callable[[], object]:
        def ask() -> object:
            query = parse(draw.choice(words))
            with workspace.read() as connection:
                return selection.count(connection, query, 1) if count else selection.page(connection, query, 1).ids

        return ask

    def absent() -> object:
        with workspace.read() as connection:
            return selection.page(connection, parse("qqzzqq"), 1).ids

    return {
        "page": page("", anywhere=True),
        "page with its records": lambda: workbench.page(workspace, RecordQuery(), project_id=1, sort=Sort()),
        "page of a state": page("state:waiting", anywhere=True),
        "page of a source": page(f'source:"{source[0]}"', anywhere=True),
        "page of three filters": page("state:waiting -licence:MIT person:none", anywhere=True),
        "page, newest first": page("", sort=Sort(descending=True)),
        "count of a state": counted("state:waiting"),
        "count of a source": counted(f'source:"{source[0]}"'),
        "page of a word": with_words(False),
        "count of a word": with_words(True),
        "word that no record holds": absent,
    }


def measure(workspace: Workspace, rounds: int) -> dict[str, dict[str, float]]:
    """Milliseconds of each question; the first round warms caches and does not count."""
    figures = {}
    for name, ask in questions(workspace, random.Random(0)).items():
        wall, cpu = [], []
        for n in range(rounds + 1):
            began, used = time.perf_counter(), time.process_time()
            ask()
            if n:
                wall.append((time.perf_counter() - began) * 1_000)
                cpu.append((time.process_time() - used) * 1_000)
        figures[name] = {
            "median_ms": _at(wall, 0.5), "p95_ms": _at(wall, 0.95), "cpu_median_ms": _at(cpu, 0.5),
            "cpu_p95_ms": _at(cpu, 0.95),
        }  # fmt: skip
    return figures


def _at(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1)


def main() -> None:
    """Fill a workspace or take one that is there, and ask."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--quick", action="store_true", help="2,000 rows, 3 rounds")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--workspace", type=Path)
    options = parser.parse_args()
    rows, rounds = (2_000, 3) if options.quick else (options.rows, options.rounds)
    with tempfile.TemporaryDirectory() as folder:
        index = {} if options.workspace else fill(Path(folder), rows)
        workspace = open_workspace(options.workspace or Path(folder) / "workspace")
        here = indexing.state(workspace, 1)
        told = {
            "rows": here.taken_in + here.left, "indexed": here.taken_in, "index": index,
            "questions": measure(workspace, rounds), "target_p95_ms": P95_MS,
        }  # fmt: skip
        workspace.close()
    if options.json:
        print(json.dumps(told))
        return
    print(f"{told['rows']:,} records, {told['indexed']:,} in the index", *(f"{k} {v:.1f}" for k, v in index.items()))
    for name, figures in told["questions"].items():
        print(f"{name:28}", *(f"{kind} {value:8.1f}" for kind, value in figures.items()))


if __name__ == "__main__":
    main()
