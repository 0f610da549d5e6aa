"""Screening: every detector on every output. One that fails reports an error, never "clean"."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import orjson

from curator import versions
from curator.access import require
from curator.errors import ReviewError
from curator.review.detectors.base import Detector, Item, judge_all_safely, judge_safely
from curator.review.detectors.degenerate import Degenerate
from curator.review.detectors.leakage import Leakage, TrainingText
from curator.review.detectors.lexicon import Lexicon
from curator.review.detectors.quantity import QuantityContradiction
from curator.review.detectors.reference import Reference
from curator.review.detectors.refusal import Refusal
from curator.store import events, findings, outputs, runs, systems
from curator.workspace import Workspace
from schemas.account import Right
from schemas.event import Kind
from schemas.review import Finding, FindingStatus, Output, ScreenReport, System
from schemas.version import Split

_CHUNK = 100


def screen_run(
    workspace: Workspace,
    run_or_system: str,
    *,
    actor: str,
    detectors: Sequence[Detector] | None = None,
    also: Sequence[Detector] = (),
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
    if detectors is None:
        detectors = _without_training()
        if version is not None:
            rows = versions.rows(workspace, version, split=Split.TRAIN)
            training = (TrainingText(row.row_id, row.record.instruction, row.record.response) for row in rows)
            detectors = [*detectors, Leakage(training)]
    detectors = [*detectors, *also]
    base = {_place(output): output.text for output in stored if output.model == "base"}
    for start in range(0, len(stored), _CHUNK):
        part = stored[start : start + _CHUNK]
        judged = _judge(part, base, detectors, done)
        with workspace.write() as connection:
            findings.add_many(connection, judged, at=workspace.clock())
        if on_progress is not None:
            on_progress(min(start + _CHUNK, len(stored)), len(stored))
    with workspace.write() as connection:
        report = _report(len(stored), findings.of_system(connection, system.id).values())
        detail = report.model_dump(mode="json")
        events.append(connection, Kind.SCREEN, system.id, actor=actor, at=workspace.clock(), detail=detail)
    return report


def expected_detectors(system: System) -> frozenset[str]:
    """Ids of the detectors that must have judged every output of a system before a decision."""
    without_training = {detector.id for detector in _without_training()}
    return frozenset(without_training if system.run_id is None else without_training | {Leakage.id})


def screen_file(file: Path, out: Path, *, also: Sequence[Detector] = ()) -> ScreenReport:
    """Judge the outputs of a JSON lines file (`prompt`, `output`, optional `reference`) and write the findings.

    Raises:
        ReviewError: A line cannot be used, or the findings cannot be written.
    """
    if out.exists() and out.samefile(file):
        raise ReviewError(
            f"The findings would overwrite the outputs in {file}.", hint="Name another file with `--out`."
        )
    judged: list[list[Finding]] = []
    detectors = [*_without_training(), *also]
    try:
        with file.open("rb") as lines, out.open("wb") as stream:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                item = _item_of_line(line, number=number, name=file.name)
                found = [judge_safely(detector, item) for detector in detectors]
                for finding in found:
                    row = {"index": len(judged), **finding.model_dump(mode="json")}
                    stream.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
                judged.append(found)
    except OSError as error:
        raise ReviewError(f"{error.filename}: {error.strerror}.", hint="Check both paths.") from error
    return _report(len(judged), judged)


def _without_training() -> list[Detector]:
    return [Refusal(), Degenerate(), Reference(), QuantityContradiction(), Lexicon()]


def _place(output: Output) -> tuple[str, str, int]:
    """What the outputs of base and tuned model to one prompt have in common."""
    return output.suite_id, output.prompt.id, output.sample


def _judge(
    part: Sequence[Output],
    base: Mapping[tuple[str, str, int], str],
    detectors: Iterable[Detector],
    done: Mapping[int, Sequence[Finding]],
) -> dict[int, list[Finding]]:
    """New findings by output: of every detector on the outputs that it has not judged yet."""
    known = {
        output.id: {
            (each.detector, each.version) for each in done.get(output.id, []) if each.status is not FindingStatus.ERROR
        }
        for output in part
    }
    judged: dict[int, list[Finding]] = {output.id: [] for output in part}
    for detector in detectors:
        waiting = [output for output in part if (detector.id, detector.version) not in known[output.id]]
        for output, finding in zip(
            waiting, judge_all_safely(detector, [_item(each, base) for each in waiting]), strict=True
        ):
            judged[output.id].append(finding)
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


def _report(outputs_judged: int, found: Iterable[Sequence[Finding]]) -> ScreenReport:
    counts: dict[str, Counter[FindingStatus]] = {}
    flagged: Counter[str] = Counter()
    for each in found:
        for finding in each:
            counts.setdefault(finding.detector, Counter())[finding.status] += 1
            flagged[finding.detector] += bool(finding.flag)
    plain: Mapping[str, dict[FindingStatus, int]] = {
        detector: {status: counted[status] for status in FindingStatus} for detector, counted in counts.items()
    }
    return ScreenReport(outputs=outputs_judged, counts=dict(plain), flagged=dict(flagged))
