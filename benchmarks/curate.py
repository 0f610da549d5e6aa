"""Times the curation of many rows beside datatrove, datasketch, rensa, DuckDB and polars, with recall and precision.

    python benchmarks/curate.py [--rows 100000] [--work exact near] [--rounds 1] [--quick] [--json]

Each tool runs in a process of its own, and they take turns on the same file of rows. Told are seconds and CPU seconds
(interpreter, imports, compiling and reading the file left out), the peak memory of the process, and what was found of
what was planted. On a machine that others use, ratios and CPU seconds say more than seconds. The others are optional:
`pip install -r benchmarks/requirements-curate.txt`; one that is missing is left out and said.

The rows are pairs of about 650 bytes from a fixed seed: 5 % equal in all but case and blanks, 5 % near duplicates with
a Jaccard index of their three-word shingles from .80 to .98, 2 % made from templates and different in a number, a name,
a word of code or an ordinary word, and evaluation items that stand in some rows, word for word or nearly so.

To add a work: a function that takes `Rows` and returns a `Result`, named in `WORKS` under its work and its tool.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

TARGETS: dict[str, dict[str, float]] = {  # for 1,000,000 rows on two cores that nothing else uses
    "exact": {"seconds": 1.5},
    "near": {"seconds": 20, "peak_gb": 4, "recall": 0.95, "templated_removed": 0},
    "rules": {"rules_us_a_record": 120},
    "leakage": {"seconds": 5, "recall": 0.95},
}
ITEMS = 2_000
"""Evaluation items."""
_WORDS = 20_000
_CHUNK = 50_000


class Rows(NamedTuple):
    """What a work is given."""

    instructions: pa.ChunkedArray
    responses: pa.ChunkedArray
    items: list[str]
    """Evaluation items."""
    threads: int


class Result(NamedTuple):
    """What a tool found."""

    removed: np.ndarray[Any, Any] | None = None
    """Rows that are to go, as places; None for a work that is judged otherwise."""
    leaked: np.ndarray[Any, Any] | None = None
    """Rows that hold an evaluation item."""
    figures: dict[str, float] | None = None
    """Anything else to tell."""


# --- Rows -----------------------------------------------------------------------------------------------------------

_PLAIN, _EXACT, _NEAR, _TEMPLATED, _LEAKED = range(5)


def make(folder: Path, rows: int, *, seed: int = 0) -> Path:
    """Write the rows and what is planted in them. Returns the file, which is made once for a number of rows."""
    file = folder / f"rows-{rows}-{seed}.parquet"
    if file.exists():
        return file
    draw, numbers = random.Random(seed), np.random.default_rng(seed)
    words = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(3, 9))) for _ in range(_WORDS)]
    weights = 1 / (np.arange(_WORDS) + 10)
    weights /= weights.sum()
    items = [" ".join(words[n] for n in numbers.choice(_WORDS, draw.randint(12, 40))) for _ in range(ITEMS)]
    unfinished = file.with_suffix(".unfinished")
    schema = pa.schema(
        [("instruction", pa.string()), ("response", pa.string()), ("kind", pa.int8()), ("like", pa.int64()),
         ("similarity", pa.float64())],
        metadata={"items": json.dumps(items)},
    )  # fmt: skip
    with pq.ParquetWriter(unfinished, schema) as writer:
        for start in range(0, rows, _CHUNK):
            count = min(_CHUNK, rows - start)
            pool = [words[n] for n in numbers.choice(_WORDS, count * 100, p=weights)]
            made = list(_rows(count, start, pool, words, items, draw))
            columns = [list(column) for column in zip(*made, strict=True)]
            arrays = [pa.array(each, field.type) for each, field in zip(columns, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
    unfinished.rename(file)
    return file


def _rows(
    count: int, start: int, pool: list[str], words: list[str], items: list[str], draw: random.Random
) -> Iterator[tuple[str, str, int, int, float]]:
    at = 0
    plain: list[tuple[int, str, str]] = []
    for n in range(count):
        length = draw.randint(6, 24)
        instruction, at = pool[at : at + length], at + length
        length = draw.randint(30, 110)
        response, at = pool[at : at + length], at + length
        chance = draw.random()
        if chance < 0.05 and plain:
            like, one, other = draw.choice(plain)
            yield one.upper() if draw.random() < 0.5 else f" {one} ", other, _EXACT, like, 1.0
        elif chance < 0.10 and plain:
            like, one, other = draw.choice(plain)
            edited, similarity = _edited(one, other, words, draw)
            yield *edited, _NEAR, like, similarity
        elif chance < 0.12:
            yield *_templated(start + n, words, draw), _TEMPLATED, -1, 0.0
        elif chance < 0.125:
            item = draw.randrange(len(items))
            leaked = items[item].split()
            if draw.random() < 0.5:
                place = draw.randrange(len(leaked))
                leaked[place] = leaked[place][:-1] if len(leaked[place]) > 4 else leaked[place]
            yield " ".join([*instruction, *leaked]), " ".join(response), _LEAKED, item, 1.0
        else:
            plain.append((start + n, " ".join(instruction), " ".join(response)))
            yield plain[-1][1], plain[-1][2], _PLAIN, -1, 0.0


def _edited(one: str, other: str, words: list[str], draw: random.Random) -> tuple[tuple[str, str], float]:
    """A pair with some words exchanged, left out or added, and the Jaccard index of its shingles with the first."""
    before = _shingles(one, other)
    edits = draw.randint(1, 5)
    while True:
        sides = [one.split(), other.split()]
        for _ in range(edits):
            side = sides[draw.random() < 0.85]
            place = draw.randrange(len(side))
            side[place : place + draw.randint(0, 1)] = [draw.choice(words)] if draw.random() < 0.7 else []
        edited = " ".join(sides[0]), " ".join(sides[1])
        after = _shingles(*edited)
        similarity = len(before & after) / len(before | after)
        if 0.8 <= similarity < 1:
            return edited, similarity
        edits = max(1, edits - 1)


def _shingles(*sides: str) -> set[tuple[str, ...]]:
    shingles: set[tuple[str, ...]] = set()
    for side in sides:
        words = side.split()
        shingles.update(tuple(words[n : n + 3]) for n in range(len(words) - 2))
    return shingles


def _templated(n: int, words: list[str], draw: random.Random) -> tuple[str, str]:
    """A row of one of four templates, whose slots are never the same twice."""
    word = f"{draw.choice(words)}{draw.choice(words)}{_letters(n)}"
    value = 1_000 + n
    advice = (
        "Read the question again, name what is known, write one step on each line, and check the result at the end. "
    )
    return (
        (f"A shop sells {value} apples on Monday and twice as many on Tuesday. How many apples does it sell in all?",
         f"{advice}On Tuesday it sells twice as many as on Monday, so in all it sells {3 * value} apples."),
        (f"Write a short letter to {word.title()} and thank them for the gift that came on Friday, in a warm tone.",
         f"Dear {word.title()}, thank you so much for the gift that came on Friday. It was so kind of you to think of "
         "us, and we will put it where each guest can see it. Come and visit us soon. With our best wishes."),
        (f"Write a Python function called {word}_total that adds up a list of numbers and returns the sum, with types.",
         f"def {word}_total(numbers: list[float]) -> float:\n    total = 0.0\n    for number in numbers:\n"
         "        total += number\n    return total\n\nThe function walks over the list once and returns the sum."),
        (f"Explain the word {word} to a pupil of ten years, in two sentences, and do not use any hard word at all.",
         f"{advice}This word is easy to learn: say it slowly, write it down, and use it in a sentence of your own. "
         "After a week you know it by heart."),
    )[n % 4]  # fmt: skip


def _letters(n: int) -> str:
    return "".join(chr(ord("a") + int(digit)) for digit in str(n))


# --- Works ----------------------------------------------------------------------------------------------------------


def exact_curator(rows: Rows) -> Result:
    """Rows that say the same in normal form, by hash."""
    from curator.quality.sketches import first_places, text_hashes
    from curator.quality.words import texts_from

    chunks = [texts_from(*each) for each in zip(*_chunks(rows), strict=True)]
    first = first_places(np.concatenate([text_hashes(each, threads=rows.threads) for each in chunks]))
    return Result(removed=np.flatnonzero(first != np.arange(len(first))))


def exact_duckdb(rows: Rows) -> Result:
    """The same in SQL."""
    import duckdb

    table = pa.table({"a": rows.instructions, "b": rows.responses, "n": np.arange(len(rows.instructions))})
    with duckdb.connect(config={"threads": rows.threads}) as connection:
        connection.register("pairs", table)
        kept = connection.execute(
            "SELECT min(n) FROM pairs GROUP BY hash(lower(trim(a)), lower(trim(b)))"
        ).fetchnumpy()  # one row per different pair
    return Result(removed=np.setdiff1d(np.arange(len(table)), next(iter(kept.values()))))


def exact_polars(rows: Rows) -> Result:
    """The same in a frame."""
    import polars as pl

    frame = pl.DataFrame({"a": pl.from_arrow(rows.instructions), "b": pl.from_arrow(rows.responses)})
    plain = [pl.col(name).str.strip_chars().str.to_lowercase() for name in "ab"]
    is_first = frame.select(pl.struct(plain).is_first_distinct()).to_series().to_numpy()
    return Result(removed=np.flatnonzero(~is_first))


def near_curator(rows: Rows) -> Result:
    """Near duplicates as `curator duplicates` finds them."""
    from curator.quality.stars import find_stars
    from curator.quality.words import texts_from

    chunks = [texts_from(*each) for each in zip(*_chunks(rows), strict=True)]
    stars = find_stars(chunks, rank=np.arange(len(rows.instructions)), threads=rows.threads)
    return Result(removed=np.flatnonzero(stars.kept != np.arange(len(stars.kept))))


def near_datasketch(rows: Rows) -> Result:
    """MinHash and LSH of datasketch at the same threshold; who shares a bucket with an earlier row goes."""
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(threshold=0.8, num_perm=128)
    removed = []
    for n, shingles in enumerate(_shingle_lists(rows)):
        sketch = MinHash(num_perm=128)
        sketch.update_batch([each.encode() for each in shingles])
        if index.query(sketch):
            removed.append(n)
        else:
            index.insert(n, sketch)
    return Result(removed=np.array(removed, np.int64))


def near_rensa(rows: Rows) -> Result:
    """The deduplicator of rensa, which checks the estimated similarity, with sixteen bands of eight."""
    from rensa import RMinHashDeduplicator

    index = RMinHashDeduplicator(threshold=0.8, num_perm=128, use_lsh=True, num_bands=16)
    kept = index.add_pairs((str(n), shingles) for n, shingles in enumerate(_shingle_lists(rows)))
    return Result(removed=np.flatnonzero(~np.array(kept, bool)))


def near_datatrove(rows: Rows) -> Result:
    """The four steps of datatrove, in one process each, with its defaults but shingles of three words."""
    from datatrove.data import Document
    from datatrove.pipeline.dedup import (
        MinhashConfig,
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )  # fmt: skip

    config = MinhashConfig(n_grams=3)
    with tempfile.TemporaryDirectory() as folder:
        pairs = zip(rows.instructions.to_pylist(), rows.responses.to_pylist(), strict=True)
        documents = [Document(text=f"{one}\n{other}", id=str(n)) for n, (one, other) in enumerate(pairs)]
        signatures, buckets, clusters = (f"{folder}/{name}" for name in ("signatures", "buckets", "clusters"))
        MinhashDedupSignature(output_folder=signatures, config=config).run(documents, 0, 1)
        for bucket in range(config.num_buckets):
            step = MinhashDedupBuckets(input_folder=signatures, output_folder=buckets, config=config)
            step.run(None, bucket, config.num_buckets)
        MinhashDedupCluster(input_folder=buckets, output_folder=clusters, config=config).run(None, 0, 1)
        kept = {int(each.id) for each in MinhashDedupFilter(input_folder=clusters).run(documents, 0, 1)}
    return Result(removed=np.array(sorted(set(range(len(documents))) - kept), np.int64))


def _shingle_lists(rows: Rows) -> Iterator[list[str]]:
    for pair in zip(rows.instructions.to_pylist(), rows.responses.to_pylist(), strict=True):
        yield [" ".join(shingle) for shingle in _shingles(*(side.lower() for side in pair))]


def leakage_curator(rows: Rows) -> Result:
    """Rows that hold an evaluation item, as `curator leakage` finds them, the index of the items included."""
    from curator.quality.leaks import find_leaks, items_of
    from curator.quality.words import texts_from

    index = items_of(rows.items)
    found = [find_leaks(index, texts_from(*each), threads=rows.threads) for each in zip(*_chunks(rows), strict=True)]
    return Result(leaked=np.flatnonzero(np.concatenate([each.item for each in found]) >= 0))


def leakage_duckdb(rows: Rows) -> Result:
    """Rows that hold one of the items' runs of eight words, in SQL; what blanks divide are its words."""
    import duckdb

    grams = {
        " ".join(words[n : n + 8]) for words in (item.split() for item in rows.items) for n in range(len(words) - 7)
    }
    with duckdb.connect(config={"threads": rows.threads}) as connection:
        connection.register("pairs", pa.table({"a": rows.instructions, "n": np.arange(len(rows.instructions))}))
        connection.register("items", pa.table({"gram": sorted(grams)}))
        found = connection.execute(
            "WITH words AS (SELECT n, string_split(a, ' ') AS w FROM pairs), "
            "grams AS (SELECT n, unnest([array_to_string(w[i : i + 7], ' ') FOR i IN range(1, len(w) - 6)]) AS gram "
            "FROM words) SELECT DISTINCT n FROM grams SEMI JOIN items USING (gram)"
        ).fetchnumpy()  # one row per pair that holds a run
    return Result(leaked=np.sort(found["n"]))


def rules_curator(rows: Rows) -> Result:
    """All default rules in one process; what they take alone is told beside the whole."""
    from curator.quality import rules
    from curator.quality.rules import Rule
    from schemas.record import Message, Origin, Record

    asked: tuple[Rule, ...] = rules.default_rules()
    origin, took, hits, count = Origin(source="benchmark"), 0.0, 0, 0
    for instruction, response in zip(*_texts(rows), strict=True):
        turns = (Message(role="user", content=instruction), Message(role="assistant", content=response))
        record = Record(messages=turns, origin=origin)
        start = time.process_time_ns()
        hits += bool(rules.check(record, asked).hits)
        took += time.process_time_ns() - start
        count += 1
    return Result(figures={"rules_us_a_record": round(took / 1000 / max(count, 1), 1), "records_hit": hits})


def profile_curator(rows: Rows) -> Result:
    """Rules and everything that the profile counts, in as many processes as threads are asked for."""
    from functools import partial

    import orjson

    from curator.curate import stages
    from curator.curate.engine import EngineName, engine
    from curator.quality import rules

    def batches() -> Iterator[stages.Batch]:
        pairs = zip(*_texts(rows), strict=True)
        while some := [_as_json(*pair, orjson.dumps) for pair in itertools.islice(pairs, 1_000)]:
            yield stages.Batch(tuple(some), (False,) * len(some))

    name = EngineName.PROCESSES if rows.threads > 1 else EngineName.HERE
    counted = 0
    with engine(name, workers=rows.threads) as run:
        for each in run(partial(stages.count, rules=rules.default_rules()), batches()):
            counted += len(each.records)
    return Result(figures={"records": counted, "workers": rows.threads})


def _as_json(instruction: str, response: str, dumps: Callable[[Any], bytes]) -> bytes:
    turns = [{"role": "user", "content": instruction}, {"role": "assistant", "content": response}]
    return dumps({"messages": turns, "origin": {"source": "benchmark"}})


def _texts(rows: Rows) -> tuple[Iterator[str], Iterator[str]]:
    """Instructions and responses, chunk by chunk."""
    first, second = (
        (text for chunk in column.chunks for text in chunk.to_pylist())
        for column in (rows.instructions, rows.responses)
    )
    return first, second


WORKS: dict[str, dict[str, Callable[[Rows], Result]]] = {
    "exact": {"curator": exact_curator, "duckdb": exact_duckdb, "polars": exact_polars},
    "near": {
        "curator": near_curator, "rensa": near_rensa, "datasketch": near_datasketch, "datatrove": near_datatrove,
    },
    "leakage": {"curator": leakage_curator, "duckdb": leakage_duckdb},
    "rules": {"curator": rules_curator},
    "profile": {"curator": profile_curator},
}  # fmt: skip
"""By work and tool."""
_PLANTED = {"exact": (_EXACT,), "near": (_EXACT, _NEAR), "leakage": (_LEAKED,)}


def _chunks(rows: Rows) -> tuple[list[pa.Array], list[pa.Array]]:
    return rows.instructions.chunks, rows.responses.chunks


# --- Running --------------------------------------------------------------------------------------------------------


def measure(file: Path, work: str, tool: str, threads: int) -> dict[str, Any]:
    """Seconds, peak memory and what was found, of one tool in this process."""
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    function = WORKS[work][tool]
    table = pq.read_table(file)
    items = json.loads(table.schema.metadata[b"items"])
    rows = Rows(table.column("instruction"), table.column("response"), items, threads)
    few = rows._replace(instructions=rows.instructions.slice(0, 200), responses=rows.responses.slice(0, 200))
    function(few)  # imports, compiles
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    cpu, start = time.process_time(), time.perf_counter()
    result = function(rows)
    figures: dict[str, Any] = {
        "seconds": round(time.perf_counter() - start, 3), "cpu_seconds": round(time.process_time() - cpu, 3),
        "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 3),
        "peak_before_gb": round(before / 2**20, 3),
    }  # fmt: skip
    return figures | _judged(table, work, result) | (result.figures or {})


def _judged(table: pa.Table, work: str, result: Result) -> dict[str, Any]:
    """Recall and precision of what was planted."""
    chosen = result.removed if result.removed is not None else result.leaked
    if chosen is None:
        return {}
    kind = table.column("kind").to_numpy()
    is_planted = np.isin(kind, _PLANTED[work])
    hit = np.zeros(len(kind), bool)
    hit[chosen] = True
    judged: dict[str, Any] = {
        "recall": round(float(hit[is_planted].mean()), 4), "precision": round(float(is_planted[hit].mean()), 4),
        "hits": int(hit.sum()),
    }  # fmt: skip
    if work == "near":
        similarity = table.column("similarity").to_numpy()
        for low in (0.8, 0.85, 0.9, 0.95):
            here = (kind == _NEAR) & (similarity >= low) & (similarity < low + 0.05)
            judged[f"recall_{low}"] = round(float(hit[here].mean()), 4)
        judged["templated_removed"] = int((hit & (kind == _TEMPLATED)).sum())
    return judged


def main() -> None:
    """Run the works, tool by tool in turn, and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--work", nargs="+", choices=WORKS, default=list(WORKS))
    parser.add_argument("--tool", nargs="+", help="Only these, as far as a work has them.")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="10,000 rows, one round")
    parser.add_argument("--json", action="store_true", help="Print one JSON object.")
    parser.add_argument("--folder", type=Path, help="Where the rows are kept, for the next time.")
    parser.add_argument("--one", nargs=2, metavar=("FILE", "WORK:TOOL"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        work, _, tool = asked.one[1].partition(":")
        print(json.dumps(measure(Path(asked.one[0]), work, tool, asked.threads)))
        return
    rows = 10_000 if asked.quick else asked.rows
    with tempfile.TemporaryDirectory() as scratch:
        file = make(asked.folder or Path(scratch), rows)
        results = {work: _in_turns(file, work, asked) for work in asked.work}
    report = {"rows": rows, "threads": asked.threads, "cores": os.cpu_count(), "works": results, "targets": TARGETS}
    print(json.dumps(report) if asked.json else _table(report))


def _in_turns(file: Path, work: str, asked: argparse.Namespace) -> dict[str, Any]:
    runs: dict[str, list[dict[str, Any]]] = {}
    missing: dict[str, str] = {}
    for _ in range(asked.rounds):
        for tool in WORKS[work]:
            if (asked.tool and tool not in asked.tool) or tool in missing:
                continue
            command = [sys.executable, __file__, "--threads", str(asked.threads), "--one", str(file), f"{work}:{tool}"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                missing[tool] = (done.stderr.strip().splitlines() or ["ended without a word"])[-1]
                continue
            runs.setdefault(tool, []).append(json.loads(done.stdout.splitlines()[-1]))
    middle = {
        tool: each[0] | {name: statistics.median(run[name] for run in each) for name in ("seconds", "cpu_seconds")}
        for tool, each in runs.items()
    }
    return {"tools": middle, "left_out": missing}


def _table(report: dict[str, Any]) -> str:
    lines = [f"{report['rows']:,} rows, {report['threads']} threads"]
    for work, result in report["works"].items():
        lines += ["", f"{work} (targets for a million rows: {TARGETS.get(work, {})})"]
        for tool, figures in result["tools"].items():
            lines.append(f"  {tool:12} " + "  ".join(f"{name} {value}" for name, value in figures.items()))
        lines += [f"  {tool:12} left out: {reason}" for tool, reason in result["left_out"].items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
