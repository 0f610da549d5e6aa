"""The protocol of detectors: what they are given and what they must answer.

A detector judges one output. It says `ok` with a score and a flag, `abstain` when it cannot judge, and never turns an
error into a pass: an exception becomes a finding with the status `error`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from schemas.review import Finding, FindingStatus


class Item(NamedTuple):
    """One output with what is known about its prompt."""

    prompt: str
    output: str
    references: tuple[str, ...] = ()
    """Right answers."""
    category: str | None = None
    """What the prompt probes: task, harm, bias or fact."""
    incorrect: tuple[str, ...] = ()
    """Known wrong answers."""
    stopped: bool | None = None
    """Whether the model ended by itself; None when that is not known."""
    base_output: str | None = None
    """What the base model answered to the same prompt, if the output is of a tuned one."""


class Detector(Protocol):
    """One question about an output."""

    id: str
    version: str
    """Changes whenever the same output could get another finding."""

    def judge(self, item: Item) -> Finding:
        """The finding on one output."""
        ...


def ok(detector: Detector, *, score: float, flag: bool, reason: str = "", evidence: Iterable[str] = ()) -> Finding:
    """A finding of a detector that could judge."""
    return Finding(
        detector=detector.id,
        version=detector.version,
        status=FindingStatus.OK,
        score=score,
        flag=flag,
        reason=reason,
        evidence=list(evidence) or None,
    )


def abstain(detector: Detector, reason: str) -> Finding:
    """A finding of a detector that cannot judge this output."""
    return Finding(detector=detector.id, version=detector.version, status=FindingStatus.ABSTAIN, reason=reason)


def failed(detector: Detector, reason: str) -> Finding:
    """A finding of a detector that failed on this output: a person reads it, and the next screening tries again."""
    return Finding(detector=detector.id, version=detector.version, status=FindingStatus.ERROR, reason=reason)


def judge_safely(detector: Detector, item: Item) -> Finding:
    """The finding of a detector, or an error finding if it fails: a failed check is never a pass."""
    try:
        return _checked(detector, detector.judge(item))
    except Exception as error:  # any failure of a detector is data about the screening, not a reason to stop it
        return failed(detector, f"{type(error).__name__}: {error}")


def judge_all_safely(detector: Detector, items: Sequence[Item]) -> list[Finding]:
    """One finding per output; a detector with weights reads many at once, and again one by one if that fails."""
    judge_many = getattr(detector, "judge_many", None)
    if judge_many is not None:
        try:
            found = list(judge_many(items))
            if len(found) == len(items):
                return [_checked(detector, finding) for finding in found]
        except Exception:  # one output that cannot be read must not take the others' findings along
            pass
    return [judge_safely(detector, item) for item in items]


def _checked(detector: Detector, finding: object) -> Finding:
    """A finding, if it is one and this detector's; anything else is an error."""
    if not isinstance(finding, Finding):
        return failed(detector, f"It answered {finding!r:.200}, which is not a finding.")
    if (finding.detector, finding.version) != (detector.id, detector.version):
        return failed(detector, f"It answered in the name of {finding.detector} {finding.version}.")
    if finding.score is not None and not 0 <= finding.score <= 1:  # so is what is not a number
        return failed(detector, f"Its score is {finding.score}, not between 0 and 1.")
    return finding
