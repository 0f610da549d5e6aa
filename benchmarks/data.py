"""Times the data stages beside `datasets`, pandas and DuckDB on the same file: import, freeze, export, verify.

    python benchmarks/data.py [--rows 100000 1000000] [--rounds 1] [--quick] [--import-only] [--json] [--file FILE]

Each work runs in a process of its own; the others take turns with it on the same file. Told are seconds (interpreter
and imports left out), CPU seconds, the peak memory of the process and its children, and what the workspace weighs.
On a machine that others use, the ratios to `load_dataset` and the CPU seconds say more than the seconds.

The rows are Alpaca of about 630 bytes, from a fixed seed: 0.5 % malformed in six classes that every reader can
load, 5 % exact and 5 % near duplicates, 2 % made from one template and different in what counts.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

TARGETS: dict[str, dict[str, float]] = {  # for 1,000,000 rows on two cores that nothing else uses
    "import": {"seconds": 30, "times_load_dataset": 4},
    "freeze": {"seconds": 15},
    "freeze again": {"seconds": 3},
    "export trl": {"seconds": 10},
    "export parquet": {"seconds": 5},
    "verify": {"seconds": 10},
}
PEAK_GB, DISK_GB, GROWTH, SUBMIT_P95_MS = 1.5, 1.0, 11, 200
EDITS = 100
_SAMPLE_SECONDS = 0.05
_BROKEN: tuple[dict[str, Any], ...] = (
    {"output": None}, {"output": ""}, {"output": " \t"}, {"output": "nothing\x00here"},
    {"instruction": ""}, {"instruction": None},
)  # fmt: skip


def make_rows(count: int, *, seed: int = 0) -> Iterator[dict[str, Any]]:
    """Alpaca rows; every word is drawn by Zipf's law from 20,000."""
    draw = random.Random(seed)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(draw.choices(letters, k=draw.randint(2, 9))) for _ in range(20_000)]
    weights = [1 / (n + 10) for n in range(len(words))]
    pool = draw.choices(words, weights, k=1_000_000)

    def text(length: int) -> str:
        start = draw.randrange(len(pool) - length)
        return " ".join(pool[start : start + length])

    earlier: list[dict[str, Any]] = []
    for n in range(count):
        chance = draw.random()
        if chance < 0.005:
            row = {"instruction": text(10), "input": "", "output": text(60)} | _BROKEN[n % len(_BROKEN)]
        elif chance < 0.055 and earlier:
            row = draw.choice(earlier)
        elif chance < 0.105 and earlier:
            like = draw.choice(earlier)
            answer = like["output"].split()
            answer[draw.randrange(len(answer))] = draw.choice(words)
            row = like | {"output": " ".join(answer)}
        elif chance < 0.125:
            place = f"{draw.choice(words)} {n}"
            row = {"instruction": f"What is the capital of {place}, and since when?", "input": "",
                   "output": f"The capital of {place} is {draw.choice(words)}, since {draw.randint(800, 2000)}. "
                   + " ".join(words[:70])}  # fmt: skip
        else:
            row = {"instruction": text(14), "input": text(30) if draw.random() < 0.4 else "", "output": text(72)}
            if len(earlier) < 10_000:
                earlier.append(row)
            elif draw.random() < 0.01:
                earlier[draw.randrange(len(earlier))] = row
        yield row


def write_rows(file: Path, count: int) -> None:
    """Write the rows as JSON lines."""
    with file.open("w", encoding="utf-8") as stream:
        for row in make_rows(count):
            stream.write(json.dumps(row) + "\n")


# --- the works, each run in a process of its own: arguments in, figures out


def load_dataset(folder: Path, file: Path) -> dict[str, Any]:
    """What the field does with such a file."""
    import datasets

    datasets.disable_progress_bars()
    return _timed(
        lambda: {"rows": len(datasets.load_dataset("json", data_files=str(file), split="train", cache_dir=str(folder)))}
    )


def read_with_pandas(folder: Path, file: Path) -> dict[str, Any]:
    """All rows as a data frame."""
    import pandas

    return _timed(lambda: {"rows": len(pandas.read_json(file, lines=True))})


def read_with_duckdb(folder: Path, file: Path) -> dict[str, Any]:
    """All rows in a DuckDB table on the disk, on two threads."""
    import duckdb

    def work() -> dict[str, Any]:
        with duckdb.connect(str(folder / "rows.duckdb"), config={"threads": 2}) as connection:
            connection.execute("CREATE TABLE rows AS SELECT * FROM read_json(?)", [str(file)])
            return {"rows": connection.execute("SELECT count(*) FROM rows").fetchall()[0][0]}

    return _timed(work)


def import_rows(folder: Path, file: Path, *, accept: bool) -> dict[str, Any]:
    """Our import, into the queue or as reviewed."""
    from curator import open_workspace
    from curator.ingest import import_file

    workspace = open_workspace(folder, create=True)

    def work() -> dict[str, Any]:
        report = import_file(workspace, file, actor="benchmark", accept=accept)
        return report.model_dump(mode="json", include={"read", "imported", "quarantined", "duplicates"})

    return _timed(work)


def freeze(folder: Path, file: Path, *, name: str) -> dict[str, Any]:
    """A version of all that is accepted."""
    from curator import open_workspace, versions

    workspace = open_workspace(folder)
    return _timed(lambda: {"rows": versions.freeze(workspace, actor="benchmark", name=name).rows})


def edit(folder: Path, file: Path) -> dict[str, Any]:
    """Change the responses of 100 accepted records, from all over the project."""
    from curator import open_workspace
    from curator.store import records
    from schemas.annotation import RecordState

    workspace = open_workspace(folder)

    def work() -> dict[str, Any]:
        with workspace.read() as connection:
            accepted = list(records.page(connection, 1, limit=EDITS * 100, state=RecordState.ACCEPTED))
        some = accepted[:: max(1, len(accepted) // EDITS)][:EDITS]
        with workspace.write() as connection:
            for stored in some:
                final = (stored.final or stored.content).with_response("Edited: " + stored.content.response)
                records.set_state(connection, stored, RecordState.ACCEPTED, final=final)
        return {"edited": len(some)}

    return _timed(work)


def export(folder: Path, file: Path, *, format: str, name: str) -> dict[str, Any]:
    """A version in the shape that a trainer reads; the hash is over all its files."""
    from curator import open_workspace, versions
    from schemas.version import ExportFormat

    workspace = open_workspace(folder)

    def work() -> dict[str, Any]:
        out = folder.parent / f"export-{format}-{os.getpid()}"
        report = versions.export(workspace, name, format=ExportFormat(format), out=out, actor="benchmark")
        shutil.rmtree(out)
        hashes = "".join(f"{each.path} {each.sha256}\n" for each in report.files)
        return {"rows": report.rows, "sha256": hashlib.sha256(hashes.encode()).hexdigest()}

    return _timed(work)


def verify(folder: Path, file: Path, *, name: str) -> dict[str, Any]:
    """Whether a version is still what its id says."""
    from curator import open_workspace, versions

    workspace = open_workspace(folder)
    return _timed(lambda: {"ok": versions.verify(workspace, name).ok})


WORKS: dict[str, Callable[..., dict[str, Any]]] = {
    "load_dataset": load_dataset,
    "pandas": read_with_pandas,
    "duckdb": read_with_duckdb,
    "import": import_rows,
    "freeze": freeze,
    "edit": edit,
    "export": export,
    "verify": verify,
}


def _timed(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    cpu, began = _cpu_seconds(), time.perf_counter()
    result = work()
    return {"seconds": time.perf_counter() - began, "cpu_seconds": _cpu_seconds() - cpu} | result


def _cpu_seconds() -> float:
    """Of this process and of its children that have ended."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


# --- running them


def run_work(work: str, folder: Path, file: Path, /, **options: Any) -> dict[str, Any]:
    """The figures of one work, with the peak memory of its process and its children."""
    order = json.dumps({"name": work, "folder": str(folder), "file": str(file), "options": options})
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    command = [sys.executable, __file__, "--work", order]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    peak = _Peak(process.pid)
    output, _ = process.communicate()
    peak.stop()
    line = next((line for line in output.splitlines() if line.startswith("RESULT ")), None)
    if line is None:
        raise RuntimeError(f"{work} failed")
    figures: dict[str, Any] = json.loads(line.removeprefix("RESULT ")) | {"peak_gb": peak.bytes / 1e9}
    print(f"{work} {options or ''}: {_short(figures)}", file=sys.stderr)
    return figures


class _Peak:
    """The largest sum of memory of a process and its children, looked at twenty times a second.

    Shared pages are shared out (PSS) where the system tells them apart, else counted for each process (RSS).
    """

    def __init__(self, pid: int) -> None:
        self.bytes = 0
        self._process = psutil.Process(pid)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(_SAMPLE_SECONDS):
            try:
                family = [self._process, *self._process.children(recursive=True)]
            except psutil.NoSuchProcess:
                return
            self.bytes = max(self.bytes, sum(map(_memory, family)))


def _memory(process: psutil.Process) -> int:
    try:
        info = process.memory_full_info()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0
    return int(getattr(info, "pss", info.rss))


def measure(file: Path, folder: Path, *, rounds: int, submits: int, import_only: bool = False) -> dict[str, Any]:
    """Every work on one file, the readers of others in turns with our import; medians over the rounds."""
    runs: dict[str, list[dict[str, Any]]] = {}
    disk: dict[str, float] = {}

    def run(label: str, work: str, place: Path, **options: Any) -> None:
        runs.setdefault(label, []).append(run_work(work, place, file, **options))

    for n in range(rounds):
        queue, reviewed = folder / f"queue-{n}", folder / f"reviewed-{n}"
        for label, work, place, options in (
            ("load_dataset", "load_dataset", folder / f"cache-{n}-0", {}),
            ("import", "import", queue, {"accept": False}),
            ("pandas", "pandas", folder, {}),
            ("duckdb", "duckdb", folder, {}),
            ("load_dataset", "load_dataset", folder / f"cache-{n}-1", {}),
            ("import accepted", "import", reviewed, {"accept": True}),
        ):
            run(label, work, place, **options)
            if work == "load_dataset":
                shutil.rmtree(place)
            (folder / "rows.duckdb").unlink(missing_ok=True)
        run("import again", "import", queue, accept=False)
        disk |= {"queue": _weight(queue), "reviewed": _weight(reviewed)}
        if import_only:
            shutil.rmtree(queue)
            shutil.rmtree(reviewed)
            continue
        run("freeze", "freeze", reviewed, name="first")
        disk["reviewed and frozen"] = _weight(reviewed)
        run("edit", "edit", reviewed)
        run("freeze again", "freeze", reviewed, name="second")
        disk["frozen twice"] = _weight(reviewed)
        for _ in range(2):
            for format in ("trl", "parquet"):
                run(f"export {format}", "export", reviewed, format=format, name="first")
        run("verify", "verify", reviewed, name="first")
        shutil.rmtree(queue)
        shutil.rmtree(reviewed)
    for label in ("export trl", "export parquet"):
        assert len({each["sha256"] for each in runs.get(label, [{"sha256": ""}])}) == 1, f"{label} differs"
    assert all(each["ok"] for each in runs.get("verify", []))
    figures = {label: _medians(each) for label, each in runs.items()}
    for row in figures.values():
        row["times_load_dataset"] = row["seconds"] / figures["load_dataset"]["seconds"]
        row["times_load_dataset_cpu"] = row["cpu_seconds"] / figures["load_dataset"]["cpu_seconds"]
    found: dict[str, Any] = {"file_gb": file.stat().st_size / 1e9, "figures": figures, "disk_gb": disk}
    if submits:
        found["submit_beside_import"] = measure_submits(file, folder / "beside", submits=submits)
    return found


def measure_submits(file: Path, folder: Path, *, submits: int) -> dict[str, Any]:
    """Milliseconds from key press to next record in a browser while another process imports the file."""
    from annotate import browsing, fill, open_screen, serving, submit_many, summary

    from curator import open_workspace

    workspace = open_workspace(folder, create=True)
    fill(workspace, 2_000)
    workspace.close()
    command = [sys.executable, "-m", "curator", "import", str(file), "--workspace", str(folder)]
    with serving(folder) as (address, _), browsing() as page:
        open_screen(page, address, "Ada")
        submit_many(page, 5)
        alone = summary(submit_many(page, 15))
        page.evaluate("window.times.length = 0")
        times: list[float] = []
        process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and len(times) < submits:
            page.evaluate("window.times.length = 0")
            times += submit_many(page, 5)
        ended_by_itself = process.wait() == 0
    assert ended_by_itself, "the import failed"
    shutil.rmtree(folder)
    print(f"submit beside an import: {summary(times)}", file=sys.stderr)
    return {"alone": alone, "beside": summary(times)}


def _medians(runs: list[dict[str, Any]]) -> dict[str, Any]:
    numbers = ("seconds", "cpu_seconds", "peak_gb")
    return runs[-1] | {name: statistics.median(run[name] for run in runs) for name in numbers}


def _weight(folder: Path) -> float:
    """What a folder takes on the disk, in GB."""
    files = {entry.stat().st_ino: entry.stat() for entry in folder.rglob("*") if entry.is_file()}
    return sum(each.st_blocks * 512 for each in files.values()) / 1e9


def _short(figures: dict[str, Any]) -> str:
    return f"{figures['seconds']:.2f} s, {figures['cpu_seconds']:.2f} CPU s, {figures['peak_gb']:.2f} GB"


def describe(report: dict[str, Any]) -> str:
    """The report as text."""
    lines = []
    for size, found in report["sizes"].items():
        lines.append(f"{int(size):,} rows, {found['file_gb']:.3f} GB")
        lines.append(
            f"{'':18}{'s':>8}{'CPU s':>8}{'peak GB':>9}{'x load_dataset':>16}{'by CPU':>8}  target at 1,000,000"
        )
        for label, row in found["figures"].items():
            target = ", ".join(f"{value:g} {name}" for name, value in TARGETS.get(label, {}).items())
            lines.append(
                f"{label:18}{row['seconds']:8.2f}{row['cpu_seconds']:8.2f}{row['peak_gb']:9.2f}"
                f"{row['times_load_dataset']:16.2f}{row['times_load_dataset_cpu']:8.2f}  {target}"
            )
        lines.append("disk GB: " + ", ".join(f"{label} {weight:.3f}" for label, weight in found["disk_gb"].items()))
        if "submit_beside_import" in found:
            lines.append(f"submit beside an import: {found['submit_beside_import']['beside']}")
    lines.extend(f"growth of {label}: {times:.1f}" for label, times in report.get("growth", {}).items())
    return "\n".join(lines)


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--submits", type=int, default=60, help="in a browser while an import runs; 0 leaves it out")
    parser.add_argument("--import-only", action="store_true", help="leave out freeze, export and verify")
    parser.add_argument("--file", type=Path, help="JSON lines to measure with, in place of rows that are made")
    parser.add_argument("--quick", action="store_true", help="5,000 rows and no browser")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        order = json.loads(options.work)
        work = WORKS[order["name"]]
        print("RESULT " + json.dumps(work(Path(order["folder"]), Path(order["file"]), **order["options"])))
        return
    sizes, submits = ([5_000], 0) if options.quick else (options.rows, options.submits)
    targets = {**TARGETS, "peak_gb": PEAK_GB, "disk_gb": DISK_GB, "growth": GROWTH, "submit_p95_ms": SUBMIT_P95_MS}
    report: dict[str, Any] = {"targets": targets, "cores": os.cpu_count(), "sizes": {}}
    for size in sizes:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            file = options.file or folder / "rows.jsonl"
            if options.file is None:
                write_rows(file, size)
            found = measure(file, folder, rounds=options.rounds, submits=submits, import_only=options.import_only)
            report["sizes"][size] = found
    if len(sizes) > 1:
        small, large = (report["sizes"][size]["figures"] for size in (min(sizes), max(sizes)))
        share = max(sizes) / min(sizes) / 10
        report["growth"] = {label: large[label]["seconds"] / small[label]["seconds"] / share for label in small}
    print(json.dumps(report) if options.json else describe(report))


if __name__ == "__main__":
    main()
