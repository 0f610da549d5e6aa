"""What changed from one model to another, prompt by prompt: fixed, still failing, newly failing.

Base against tuned model of a run, or one reviewed system against another that answered the same suites. Over-refusal
stands beside harm, so that a model which refuses everything cannot look like one that was mended.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from curator.release.decision import Standing
from curator.release.gates import OWN_DEFECTS, people_judged
from curator.review.detectors.refusal import Refusal
from curator.review.scorecards import is_unfit
from curator.review.stated import of_system
from curator.stats.discordance import change
from curator.store import findings, outputs, suites
from curator.workspace import Workspace
from schemas.release import ChangeKind, Changes, PromptChange
from schemas.review import Category, Finding, FindingStatus, Output, Verdict

OVER_REFUSAL = "hz.overrefusal"
_KINDS: tuple[ChangeKind, ...] = ("newly failing", "still failing", "fixed")


class _Key(NamedTuple):
    """One prompt of a suite."""

    suite: str
    id: str


class _Answer(NamedTuple):
    """What one model said to a prompt in one sample, with what was said about it."""

    output: Output
    verdicts: Sequence[Verdict]
    refusal: Finding | None


class _Measure(NamedTuple):
    """What counts as a failure, on which prompts, by whose word."""

    name: str
    category: Category | None
    judged_by: str
    applies: Callable[[Output], bool]
    is_judged: Callable[[_Answer], bool]
    fails: Callable[[_Answer], bool]


def against_base(workspace: Workspace, stands: Standing) -> list[Changes]:
    """How each measure changed from the base model of a run to its tuned model; empty for a system without a run."""
    if stands.plan is None or stands.system.target != "tuned":
        return []
    answers = _answers(workspace, stands)
    before = {key: [each for each in said if each.output.model == "base"] for key, said in answers.items()}
    after = {key: [each for each in said if each.output.model == "tuned"] for key, said in answers.items()}
    return _changes(workspace, stands, before, after)


def against_another(workspace: Workspace, stands: Standing, other: Standing) -> list[Changes]:
    """How each measure changed from another reviewed system to this one, on the prompts that both were judged on."""
    if stands.plan is None or other.plan is None:
        return []
    before = {key: _of_target(said, other) for key, said in _answers(workspace, other).items()}
    after = {key: _of_target(said, stands) for key, said in _answers(workspace, stands).items()}
    return _changes(workspace, stands, before, after)


def _of_target(said: Sequence[_Answer], stands: Standing) -> list[_Answer]:
    return [each for each in said if each.output.model == stands.system.target]


def _answers(workspace: Workspace, stands: Standing) -> dict[_Key, list[_Answer]]:
    """Everything that the models of a system said to gate suites, by prompt."""
    if not stands.units:  # the evidence cannot be read
        return {}
    with workspace.read() as connection:
        gate_suites = {each.id for each in suites.summaries(connection) if each.purpose == "gate"}
        stored = [each for each in outputs.of_system(connection, stands.system.id) if each.suite_id in gate_suites]
        found = findings.of_system(connection, stands.system.id)
    stated = of_system(stands.entries)
    answers: dict[_Key, list[_Answer]] = defaultdict(list)
    for output in stored:
        refusals = [each for each in found.get(output.id, ()) if each.detector == Refusal.id]
        answer = _Answer(output, stated.get(output.id, ()), refusals[-1] if refusals else None)
        answers[_Key(output.suite_id, output.prompt.id)].append(answer)
    return answers


def _changes(
    workspace: Workspace,
    stands: Standing,
    before: Mapping[_Key, Sequence[_Answer]],
    after: Mapping[_Key, Sequence[_Answer]],
) -> list[Changes]:
    both = [key for key in after if before.get(key) and after[key]]
    names = _suite_names(workspace)
    clusters = _clusters(stands, {f"{names[key.suite]}/{key.id}": key for key in both})
    found = []
    for measure in _measures():
        compared = [
            key
            for key in both
            if measure.applies(after[key][0].output)
            and _is_judged(before[key], measure)
            and _is_judged(after[key], measure)
        ]
        if not compared:
            continue
        failed = [any(map(measure.fails, before[key])) for key in compared]
        fails = [any(map(measure.fails, after[key])) for key in compared]
        groups = [clusters.get(key, key) for key in compared]
        counted = change(failed, fails, groups)
        prompts = [
            PromptChange(
                suite=names[key.suite], id=key.id, prompt=after[key][0].output.prompt.prompt, kind=_kind(was, now)
            )
            for key, was, now in zip(compared, failed, fails, strict=True)
            if was or now
        ]
        found.append(
            Changes(
                measure=measure.name,
                category=measure.category,
                judged_by=measure.judged_by,
                prompts=len(compared),
                clusters=len(set(groups)),
                fixed=counted.fixed,
                still_failing=counted.failing,
                newly_failing=counted.broken,
                fine=counted.fine,
                difference=counted.difference,
                p_value=counted.p_value,
                failing=tuple(sorted(prompts, key=lambda each: (_KINDS.index(each.kind), each.suite, each.id))),
            )
        )
    return found


def _is_judged(said: Sequence[_Answer], measure: _Measure) -> bool:
    """Whether every different text was judged; of texts that are equal word for word the plan shows one."""
    judged = {each.output.text for each in said if measure.is_judged(each)}
    return all(each.output.text in judged for each in said)


def _kind(failed: bool, fails: bool) -> ChangeKind:
    if failed and fails:
        return "still failing"
    return "newly failing" if fails else "fixed"


def _suite_names(workspace: Workspace) -> dict[str, str]:
    with workspace.read() as connection:
        return {each.id: each.name for each in suites.summaries(connection)}


def _clusters(stands: Standing, keys: Mapping[str, _Key]) -> dict[_Key, int]:
    """For every prompt the place of its unit in the plan: near copies flip together."""
    return {
        keys[prompt]: place
        for place, judged in enumerate(stands.units)
        for prompt in judged.unit.prompts
        if prompt in keys
    }


def _measures() -> list[_Measure]:
    """Own defects of each category by people, then over-refusal: by people where they said so, and by the detector."""
    own = [
        _Measure(
            name=" or ".join(defects),
            category=category,
            judged_by="people",
            applies=lambda output, category=category: output.prompt.category == category,  # type: ignore[misc]
            is_judged=_by_people,
            fails=lambda answer, defects=defects: _has(answer, defects),  # type: ignore[misc]
        )
        for category, defects in OWN_DEFECTS.items()
    ]
    by_people = _Measure("over-refusal", None, "people", _asks_for_help, _by_people, _refuses_as_people_say)
    detector = Refusal()
    measures = [*own, by_people]
    if not is_unfit(detector.id, detector.version):
        measures.append(
            _Measure("over-refusal", None, f"{detector.id} {detector.version}", _asks_for_help, _by_detector, _refuses)
        )
    return measures


def _asks_for_help(output: Output) -> bool:
    """Whether a refusal would be wrong: the prompt does not probe for harm, or it probes for just that."""
    return output.prompt.category != "harm" or output.prompt.hazard == OVER_REFUSAL


def _by_people(answer: _Answer) -> bool:
    return people_judged(answer.verdicts)


def _has(answer: _Answer, defects: Sequence[str]) -> bool:
    """Whether a person found one of these defects; a harm that is only a refusal is counted as over-refusal."""
    return any(
        defect in defects and not (defect == "harmful" and verdict.judgement.hazards == (OVER_REFUSAL,))
        for verdict in answer.verdicts
        if not verdict.by_script
        for defect in verdict.judgement.defects
    )


def _refuses_as_people_say(answer: _Answer) -> bool:
    return any(OVER_REFUSAL in each.judgement.hazards for each in answer.verdicts if not each.by_script)


def _by_detector(answer: _Answer) -> bool:
    return answer.refusal is not None and answer.refusal.status is FindingStatus.OK


def _refuses(answer: _Answer) -> bool:
    return bool(answer.refusal and answer.refusal.flag)
