"""Leakage: the records of a project against what models are tested with.

Looked for are the prompts of suites with their answers, the items of files, and whatever else a caller names (see
`versions.held_out`). A match is shown, and a person judges it: most of what such a search flags is a common phrase.
Nothing is changed.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson

from curator import pool
from curator.curate.duplicates import sources_of
from curator.curate.pair_texts import BATCH, Pair, Source, sides_of
from curator.errors import CurationError
from curator.quality.leaks import LEAST, Items, Leaks, find_leaks, items_of
from curator.store import duplicates as stored
from curator.store import projects, suites
from curator.store.records import some as some_records
from curator.workspace import Workspace
from schemas.duplicate import DuplicateKind
from schemas.leakage import LeakageMatch, LeakageReport, LeakageSource
from schemas.record import Record

SHOWN = 100
_ANSWER_WORDS = 6
"""Words from which on an answer is looked for: "yes" proves nothing."""
_ASKED = ("prompt", "question", "instruction", "problem", "text", "input")
_ANSWERED = ("reference", "answer", "output", "response", "completion")
_WORTH_PROCESSES = 50_000
_LOST = CurationError(
    "A process that read records was ended from outside.", hint="Perhaps memory ran out; look again for leakage."
)
_TEXT = 2_000


class Item(NamedTuple):
    """One text that must not be trained on."""

    source: str
    id: str
    text: str
    is_answer: bool = False


def check(
    workspace: Workspace,
    items: Sequence[Item],
    *,
    project: str | None = None,
    least: float = LEAST,
    shown: int = SHOWN,
    workers: int | None = None,
) -> LeakageReport:
    """What stands of evaluation items in the records of a project.

    Args:
        workspace: Where they are.
        items: What to look for.
        project: Name; by default the first one.
        least: Share of an item's telling three-word runs that must be there.
        shown: How many matches to show, the fullest first.
        workers: Processes that read; by default one per core. The result does not depend on it.

    Raises:
        CurationError: There is nothing to look for, or a process was ended from outside.
    """
    index = _index(items)
    with workspace.read() as connection:
        meant = projects.by_name(connection, project)
        compared = stored.compared(connection, meant.id)
        batches = sources_of(connection, workspace, compared)
    worth = len(compared.ids) >= _WORTH_PROCESSES
    matches: list[_Match] = []
    with pool.processes(are_worth_it=worth, lost=_LOST, workers=workers) as processes:
        starts = accumulate(map(len, batches), initial=0)
        found = processes.each(search, [(each, index, least) for each in batches])
        for start, leaks in zip(starts, found, strict=False):
            matches += _matches(leaks, start)
    chosen = _fullest(matches, shown)
    with workspace.read() as connection:
        texts = some_records(connection, [str(compared.ids[match.place]) for match in chosen])
    told = [
        _told(items[match.item], match, id, texts[id].now)
        for match in chosen
        if (id := str(compared.ids[match.place])) in texts
    ]
    return _report(meant.name, len(compared.ids), items, matches, told)


def check_records(
    name: str, stream: Iterable[tuple[str, Record]], items: Sequence[Item], *, least: float = LEAST, shown: int = SHOWN
) -> LeakageReport:
    """What stands of evaluation items in some records with their ids; as `check`."""
    index = _index(items)
    matches: list[_Match] = []
    texts: dict[int, tuple[str, Record]] = {}
    count, rest = 0, iter(stream)
    while batch := list(islice(rest, BATCH)):
        pairs = [
            Pair("\n".join(each.content for each in record.context), record.response, "", 0) for _, record in batch
        ]
        own = _matches(find_leaks(index, sides_of(pairs, DuplicateKind.BOTH), least=least), count)
        texts |= {match.place: batch[match.place - count] for match in own}
        matches += own
        count += len(batch)
    told = [_told(items[match.item], match, *texts[match.place]) for match in _fullest(matches, shown)]
    return _report(name, count, items, matches, told)


def _index(items: Sequence[Item]) -> Items:
    if not items:
        raise CurationError(
            "There is nothing to look for.", hint="Add a suite, or name a file or a version with evaluation items."
        )
    return items_of([item.text for item in items])


def suite_items(workspace: Workspace, names: Sequence[str] | None = None) -> list[Item]:
    """The prompts of suites, by default of all, and their right answers of six words or more.

    Raises:
        NotFoundError: There is no such suite.
    """
    items = []
    with workspace.read() as connection:
        wanted = [each.name for each in suites.summaries(connection)] if names is None else names
        for name in wanted:
            suite = suites.get(connection, name)
            for prompt in suite.prompts:
                items.append(Item(suite.name, prompt.id, prompt.prompt))
                answers = (each for each in prompt.right_answers if len(each.split()) >= _ANSWER_WORDS)
                items += [Item(suite.name, prompt.id, each, True) for each in answers]
    return items


def read_items(file: Path) -> list[Item]:
    """The evaluation items of a file: JSON lines, a JSON array, CSV with a header, or a text on each line.

    What is asked stands under prompt, question, instruction, problem, text or input, an answer under reference, answer,
    output, response or completion.

    Raises:
        CurationError: It cannot be read, or a row asks nothing.
    """
    try:
        raw = file.read_bytes()
        values = list(_rows(file, raw))
    except OSError as error:
        raise CurationError(f"{file} cannot be read: {error.strerror}.", hint="Check the path.") from error
    except (UnicodeDecodeError, csv.Error, orjson.JSONDecodeError) as error:
        raise CurationError(
            f"{file.name} cannot be read: {error}.", hint="Write one JSON object per line, CSV, or one text per line."
        ) from error
    items: list[Item] = []
    for n, value in enumerate(values, 1):
        if not isinstance(value, dict):
            value = {"text": value}
        asked = [value[name] for name in _ASKED if isinstance(value.get(name), str) and value[name].strip()]
        if not asked:
            raise CurationError(
                f"Row {n} of {file.name} asks nothing.", hint=f"Name its text {', '.join(_ASKED[:-1])} or {_ASKED[-1]}."
            )
        id = str(value.get("id", n))
        items.append(Item(file.name, id, asked[0] if asked[0] != value.get("instruction") else "\n".join(asked)))
        answers = [value[name] for name in _ANSWERED if isinstance(value.get(name), str)]
        items += [Item(file.name, id, text, True) for text in answers if len(text.split()) >= _ANSWER_WORDS]
    return items


def _rows(file: Path, raw: bytes) -> Iterator[Any]:
    text = raw.decode("utf-8-sig")
    if file.suffix == ".csv":
        yield from csv.DictReader(text.splitlines(keepends=True))
    elif file.suffix == ".json":
        value = orjson.loads(text)
        yield from value if isinstance(value, list) else [value]
    elif file.suffix == ".jsonl" or text.lstrip().startswith("{"):
        yield from (orjson.loads(line) for line in text.split("\n") if line.strip())
    else:
        yield from (line for line in text.splitlines() if line.strip())


class _Match(NamedTuple):
    place: int
    """Of the record among all."""
    item: int
    share: float


def search(task: tuple[Source, Items, float]) -> Leaks:
    """The item that each record of a batch holds."""
    source, items, least = task
    return find_leaks(items, sides_of(list(source.pairs()), DuplicateKind.BOTH), least=least)


def _matches(leaks: Leaks, start: int) -> list[_Match]:
    return [
        _Match(start + n, int(leaks.item[n]), float(leaks.share[n])) for n in np.flatnonzero(leaks.item >= 0).tolist()
    ]


def _fullest(matches: Sequence[_Match], count: int) -> list[_Match]:
    return sorted(matches, key=lambda match: (-match.share, match.place))[:count]


def _told(item: Item, match: _Match, id: str, record: Record) -> LeakageMatch:
    return LeakageMatch(
        source=item.source, item_id=item.id, is_answer=item.is_answer, record_id=id, share=round(match.share, 4),
        item_text=item.text[:_TEXT], instruction=record.instruction[:_TEXT], response=record.response[:_TEXT],
    )  # fmt: skip


def _report(
    name: str, count: int, items: Sequence[Item], matches: Sequence[_Match], told: Sequence[LeakageMatch]
) -> LeakageReport:
    asked: dict[str, int] = {}
    hit: dict[str, int] = {}
    for item in items:
        asked[item.source] = asked.get(item.source, 0) + 1
    for match in matches:
        source = items[match.item].source
        hit[source] = hit.get(source, 0) + 1
    sources = tuple(LeakageSource(name=each, items=n, matches=hit.get(each, 0)) for each, n in asked.items())
    return LeakageReport(searched=name, records=count, sources=sources, matches=len(matches), shown=tuple(told))
