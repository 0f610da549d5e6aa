"""Screening: every detector on every output. One that fails reports an error, never "clean"."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import orjson

from curator import versions
from curator.access import require
from curator.errors import ReviewError
from curator.review.detectors.base import Detector, Item
from curator.review.detectors.degenerate import Degenerate
from curator.review.detectors.leakage import Leakage, TrainingText
from curator.review.detectors.lexicon import Lexicon
from curator.review.detectors.quantity import QuantityContradiction
from curator.review.detectors.reference import Reference
from curator.review.detectors.refusal import Refusal
from curator.review.judging import MANY, Guests, judge_parts
from curator.store import events, findings, outputs, runs, systems
from curator.workspace import Workspace
from schemas.account import Right
from schemas.event import Kind
from schemas.review import Finding, FindingStatus, Output, ScreenReport, System
from schemas.version import Split

_CHUNK = 100
_LARGE = 4_000_000
"""Bytes of a file from which on processes are worth starting."""


def screen_run(
    workspace: Workspace,
    run_or_system: str,
    *,
    actor: str,
    detectors: Sequence[Detector] | None = None,
    also: Sequence[Detector] = (),
    workers: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> ScreenReport:
    """Judge all outputs of a run (of its base model too) or of a system, and store the findings.

    What a detector of the same version has already judged is not judged again; where it failed, it tries again.

    Args:
        workspace: Where the outputs are.
        run_or_system: Whose outputs.
        actor: Who asked.
        detectors: In place of all rule detectors.
        also: Further detectors, as `read_detectors` loads them.
        workers: Processes for the rule detectors where there are many outputs; by default one per core.
        on_progress: Is told how many of how many outputs are judged.

    Raises:
        ReviewError: There are no outputs.
    """
    require(workspace, actor, Right.REVIEW)
    with workspace.read() as connection:
        system = systems.find(connection, run_or_system)
        version = runs.get(connection, system.run_id).version_id if system.run_id else None
        stored = outputs.of_system(connection, system.id)
        done = findings.of_system(connection, system.id)
    if not stored:
        raise ReviewError(
            f"{run_or_system} has no outputs.",
            hint="Generate some with `curator generate`, or bring them in with `curator outputs import`.",
        )
    guests = Guests(also if detectors is None else [*detectors, *also])
    rules = [] if detectors is not None else _rules(workspace, version)
    everything = [*rules, *guests.detectors]
    base = {_place(output): output.text for output in stored if output.model == "base"}
    parts = [_Part(stored[n : n + _CHUNK], everything, base, done) for n in range(0, len(stored), _CHUNK)]
    left = sum(max(map(len, part.items), default=0) for part in parts)
    of_parts = (part.items[: len(rules)] for part in parts)
    judged_by_rules = judge_parts(of_parts, rules, many=left >= MANY, workers=workers)
    for n, (part, of_rules) in enumerate(zip(parts, judged_by_rules, strict=True), 1):
        found = [*of_rules, *guests.judge(part.items[len(rules) :])]
        with workspace.write() as connection:
            findings.add_many(connection, part.by_output(found), at=workspace.clock())
        if on_progress is not None:
            on_progress(min(n * _CHUNK, len(stored)), len(stored))
    with workspace.write() as connection:
        counted = _Counted()
        for each in findings.of_system(connection, system.id).values():
            counted.add(each)
        report = counted.report(outputs=len(stored))
        detail = report.model_dump(mode="json")
        events.append(connection, Kind.SCREEN, system.id, actor=actor, at=workspace.clock(), detail=detail)
    return report


def expected_detectors(system: System) -> frozenset[str]:
    """Ids of the detectors that must have judged every output of a system before a decision."""
    without_training = {detector.id for detector in _without_training()}
    return frozenset(without_training if system.run_id is None else without_training | {Leakage.id})


def screen_file(file: Path, out: Path, *, also: Sequence[Detector] = (), workers: int | None = None) -> ScreenReport:
    """Judge the outputs of a JSON lines file (`prompt`, `output`, optional `reference`) and write the findings.

    Raises:
        ReviewError: A line cannot be used, or the findings cannot be written.
    """
    if file.exists() and out.exists() and out.samefile(file):
        raise ReviewError(
            f"The findings would overwrite the outputs in {file}.", hint="Name another file with `--out`."
        )
    rules, guests = _without_training(), Guests(also)
    counted = _Counted()
    try:
        with file.open("rb") as lines, out.open("wb") as stream:
            waiting: deque[list[Item]] = deque()

            def parts() -> Iterator[list[list[Item]]]:
                for part in _parts_of(lines, file.name):
                    waiting.append(part)
                    yield [part] * len(rules)

            many = file.stat().st_size >= _LARGE
            for of_rules in judge_parts(parts(), rules, many=many, workers=workers):
                part = waiting.popleft()
                found = [*of_rules, *guests.judge([part] * len(guests.detectors))]
                for each in zip(*found, strict=True):
                    for finding in each:
                        row = {"index": counted.outputs, **finding.model_dump(mode="json")}
                        stream.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
                    counted.add(each)
    except OSError as error:
        raise ReviewError(f"{error.filename}: {error.strerror}.", hint="Check both paths.") from error
    return counted.report()


def _parts_of(lines: Iterable[bytes], name: str) -> Iterator[list[Item]]:
    """The outputs of a file, some at a time."""
    part: list[Item] = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            part.append(_item_of_line(line, number=number, name=name))
        if len(part) == _CHUNK:
            yield part
            part = []
    if part:
        yield part


def _rules(workspace: Workspace, version: str | None) -> list[Detector]:
    """All rule detectors; with a dataset version the one that looks for its training rows, too."""
    if version is None:
        return _without_training()
    rows = versions.rows(workspace, version, split=Split.TRAIN)
    training = (TrainingText(row.row_id, row.record.instruction, row.record.response) for row in rows)
    return [*_without_training(), Leakage(training)]


def _without_training() -> list[Detector]:
    return [Refusal(), Degenerate(), Reference(), QuantityContradiction(), Lexicon()]


def _place(output: Output) -> tuple[str, str, int]:
    """What the outputs of base and tuned model to one prompt have in common."""
    return output.suite_id, output.prompt.id, output.sample


class _Part:
    """Some outputs, and for each detector those that it has not judged yet."""

    def __init__(
        self,
        stored: Sequence[Output],
        detectors: Sequence[Detector],
        base: Mapping[tuple[str, str, int], str],
        done: Mapping[int, Sequence[Finding]],
    ) -> None:
        """Find what is open: a finding that is an error is."""
        known = {
            output.id: {
                (each.detector, each.version)
                for each in done.get(output.id, [])
                if each.status is not FindingStatus.ERROR
            }
            for output in stored
        }
        self._open = [
            [output for output in stored if (each.id, each.version) not in known[output.id]] for each in detectors
        ]
        self.items = [[_item(output, base) for output in waiting] for waiting in self._open]

    def by_output(self, found: Sequence[Sequence[Finding]]) -> dict[int, list[Finding]]:
        """The findings of all detectors by the id of the output."""
        judged: dict[int, list[Finding]] = {}
        for waiting, findings_of_one in zip(self._open, found, strict=True):
            for output, finding in zip(waiting, findings_of_one, strict=True):
                judged.setdefault(output.id, []).append(finding)
        return judged


def _item(output: Output, base: Mapping[tuple[str, str, int], str]) -> Item:
    prompt = output.prompt
    return Item(
        prompt.prompt,
        output.text,
        references=prompt.right_answers,
        category=prompt.category,
        incorrect=prompt.incorrect,
        stopped=output.stopped,
        base_output=base.get(_place(output)) if output.model == "tuned" else None,
    )


def _item_of_line(line: bytes, *, number: int, name: str) -> Item:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise ReviewError(f"Line {number} of {name} is not valid JSON: {error}.", hint="Mend the line.") from error
    fits = isinstance(row, dict) and all(isinstance(row.get(key), str) for key in ("prompt", "output"))
    reference = row.get("reference") if isinstance(row, dict) else None
    references = [reference] if isinstance(reference, str) else reference or []
    if not fits or not isinstance(references, list) or not all(isinstance(each, str) for each in references):
        raise ReviewError(
            f"Line {number} of {name} has no text in prompt and output.",
            hint="Write objects with prompt, output and optionally reference, a text or a list of texts.",
        )
    return Item(row["prompt"], row["output"], references=tuple(references))


class _Counted:
    """Findings counted as they come, so that a long file is never held whole."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.outputs = 0
        self._counts: dict[str, Counter[FindingStatus]] = {}
        self._flagged: Counter[str] = Counter()

    def add(self, found: Iterable[Finding]) -> None:
        """Count the findings on one more output."""
        self.outputs += 1
        for finding in found:
            self._counts.setdefault(finding.detector, Counter())[finding.status] += 1
            self._flagged[finding.detector] += bool(finding.flag)

    def report(self, *, outputs: int | None = None) -> ScreenReport:
        """What was counted; `outputs` where some have no finding."""
        counts = {name: {status: each[status] for status in FindingStatus} for name, each in self._counts.items()}
        judged = self.outputs if outputs is None else outputs
        return ScreenReport(outputs=judged, counts=counts, flagged=dict(self._flagged))
