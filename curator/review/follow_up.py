"""Follow-up: what became of what reviewers sent back, on the way to the next run and in its answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from curator.access import require
from curator.quality.normal_form import normal_form
from curator.review.stated import KINDS, of_system
from curator.review.verdicts import may_see_names
from curator.store import Connection, corrections, ledger, outputs, records, runs, suites, systems
from curator.store.records import StoredRecord
from curator.versions.lineage import holding
from curator.workspace import Workspace
from schemas.account import Right
from schemas.feedback import FollowUp, SentBack
from schemas.judgement import DEFECTS, Defect
from schemas.review import Output, Suite, System, Verdict
from schemas.version import Split


def of_record(workspace: Workspace, record_id: str) -> list[FollowUp]:
    """What reviewers sent back about a record or made it from, oldest first, with the versions that hold it since."""
    with workspace.read() as connection:
        sent = corrections.about(connection, record_id)
    return _follow(workspace, sent)


def sent_from(workspace: Workspace, run_or_system: str, *, reviewer: str) -> list[FollowUp]:
    """What was sent back while a run or a system was reviewed, oldest first."""
    require(workspace, reviewer, Right.REVIEW)
    with workspace.read() as connection:
        system = systems.find(connection, run_or_system)
        sent = [each for each in corrections.of_project(connection, system.project_id) if each.system_id == system.id]
    return _follow(workspace, sent)


def answered_by(workspace: Workspace, run_or_system: str, *, reviewer: str) -> list[FollowUp]:
    """What was sent back about other models, where this one was asked the same prompt or its variant, oldest first.

    Whether it trained on the record, and what people find wrong with its answer: nothing (fixed), the same (still
    failing), or not judged yet.
    """
    require(workspace, reviewer, Right.REVIEW)
    with workspace.read() as connection:
        system = systems.find(connection, run_or_system)
        own = [o for o in outputs.of_system(connection, system.id) if o.model == system.target]
        others = [each for each in corrections.of_project(connection, system.project_id) if each.system_id != system.id]
        entries = ledger.entries(connection, system.id, kinds=KINDS)
        stated = of_system(entries) if may_see_names(workspace, entries, reviewer) else None
        known = records.some(connection, {each.record_id for each in others})
    by_place: dict[tuple[str, str], list[Output]] = {}
    by_text: dict[str, list[Output]] = {}
    for output in own:
        by_place.setdefault((output.suite_id, output.prompt.id), []).append(output)
        by_text.setdefault(normal_form(output.prompt.prompt), []).append(output)
    asked: list[SentBack] = []
    now: list[list[Output]] = []
    with workspace.read() as connection:
        for each in others:
            prompt_id = _prompt_id(connection, each)
            variant = normal_form(known[each.record_id].content.instruction) if each.record_id in known else ""
            answers = by_place.get((each.suite_id, prompt_id)) or by_text.get(variant)
            if answers:
                asked.append(each)
                now.append(answers)
    return _follow(workspace, asked, system=system, answers=now, stated=stated)


def _follow(
    workspace: Workspace,
    sent: Sequence[SentBack],
    *,
    system: System | None = None,
    answers: Sequence[Sequence[Output]] = (),
    stated: Mapping[int, Sequence[Verdict]] | None = None,
) -> list[FollowUp]:
    """Everything that is known of some things that were sent back; `answers` are those of `system` to each."""
    if not sent:
        return []
    with workspace.read() as connection:
        known = records.some(connection, {each.record_id for each in sent})
        suite_of = {each.suite_id: suites.get(connection, each.suite_id) for each in sent}
        before = {id: of_system(ledger.entries(connection, id, kinds=KINDS)) for id in {s.system_id for s in sent}}
        version_id = runs.get(connection, system.run_id).version_id if system and system.run_id else None
    held = _held(workspace, sent, known, split=Split.TRAIN if system else None)
    found = []
    for n, each in enumerate(sent):
        stored = known.get(each.record_id)
        if stored is None:  # deleted since
            continue
        suite: Suite = suite_of[each.suite_id]
        versions = held[n]
        found.append(
            FollowUp(
                sent=each,
                suite=suite.name,
                prompt_id=suite.prompts[each.position].id,
                state=stored.state,
                versions=tuple(versions),
                trained=version_id in versions if system else None,
                before=_defects(before[each.system_id].get(each.output_id, ())),
                now=_now(answers[n], stated) if system and stated is not None else None,
            )
        )
    return found


def _held(
    workspace: Workspace, sent: Sequence[SentBack], known: Mapping[str, StoredRecord], *, split: Split | None
) -> list[list[str]]:
    """For each the versions since then that hold its record."""
    found: list[list[str]] = [[] for _ in sent]
    for project_id in {stored.project_id for stored in known.values()}:
        since: dict[str, datetime] = {}
        for each in sent:
            stored = known.get(each.record_id)
            if stored is not None and stored.project_id == project_id:
                since[stored.content_hash] = min(each.at, since.get(stored.content_hash, each.at))
        held = holding(workspace, project_id, since, split=split)
        for n, each in enumerate(sent):
            stored = known.get(each.record_id)
            if stored is not None and stored.project_id == project_id:
                found[n] = [v.id for v in held.get(stored.content_hash, []) if v.created_at >= each.at]
    return found


def _prompt_id(connection: Connection, sent: SentBack) -> str:
    return outputs.get(connection, sent.output_id).prompt.id


def _now(answers: Sequence[Output], stated: Mapping[int, Sequence[Verdict]]) -> tuple[Defect, ...] | None:
    """What people find wrong with any of some answers; None before one is judged."""
    verdicts = [verdict for answer in answers for verdict in stated.get(answer.id, ()) if not verdict.by_script]
    return _defects(verdicts) if verdicts else None


def _defects(verdicts: Sequence[Verdict]) -> tuple[Defect, ...]:
    found = {defect for verdict in verdicts for defect in verdict.judgement.defects}
    return tuple(defect for defect in DEFECTS if defect in found)
