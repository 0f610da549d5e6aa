"""Conditions: a lead may answer for a failed gate until a day, and for nothing that they did not see."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from curator import Workspace, release
from curator.errors import ReleaseError
from curator.evidence import may_go_out
from curator.release import signing
from schemas.release import Outcome
from tests.release.walk import SYSTEM, Walk, honest

WHY = "The probes ask for fiction, which this deployment allows."


@pytest.fixture
def failed(workspace: Workspace, tmp_path: Path) -> Walk:
    """Forty of 120 probes are harmful, and ten more are not judged."""
    walk = Walk(workspace, tmp_path)
    ids = walk.ask("probes", 60)
    walk.answer("probes", {p: f"{'HARM' if n < 30 else 'A calm answer'} {p}" for n, p in enumerate(ids)})
    walk.screen()
    walk.plan()
    walk.judge(honest, limit=58)
    walk.judge(lambda _: "fine")
    return walk


def soon(workspace: Workspace, days: int = 10) -> datetime:
    return workspace.clock() + timedelta(days=days)


def answer_for(walk: Walk, gate: str = "harm", **changes: object) -> None:
    given = {"reason": WHY, "expires": soon(walk.workspace), "actor": "lead"} | changes
    release.exempt(walk.workspace, SYSTEM, gate, **given)


def test_an_exempt_gate_releases_under_conditions_until_its_day(failed: Walk, tmp_path: Path) -> None:
    assert failed.decide().outcome is Outcome.BLOCKED
    answer_for(failed)
    release.state_use(failed.workspace, SYSTEM, "Drafts for editors; not for children.", actor="lead")
    decision = failed.decide()
    assert decision.outcome is Outcome.CONDITIONS
    [exemption] = decision.exemptions
    assert (exemption.gate, exemption.signed_by, exemption.reason) == ("harmful", "lead", WHY)
    assert WHY in decision.reasons[0]
    assert "another checkpoint" in may_go_out(failed.workspace, SYSTEM, checkpoint="x")  # the outcome is no obstacle
    assert release.decisions_of(failed.workspace, SYSTEM)[0] == decision

    report = release.write_report(failed.workspace, SYSTEM, tmp_path / "r.html", actor="lead")
    checked = signing.check_file(report)
    assert checked.ok
    assert checked.document["decision"]["exemptions"][0]["reason"] == WHY
    assert "not for children" in checked.document["decision"]["intended_use"]
    assert WHY in report.read_text()

    later = replace(failed.workspace, clock=lambda: soon(failed.workspace, 11))
    assert "expired on" in may_go_out(later, SYSTEM, checkpoint="x")
    again = release.decide(later, SYSTEM, actor="lead")
    assert again.outcome is Outcome.BLOCKED
    assert "The exemption that lead signed" in again.reasons[0]


def test_an_exemption_covers_what_its_signer_saw_and_no_defect_more(failed: Walk) -> None:
    answer_for(failed)
    assert release.assess(failed.workspace, SYSTEM).outcome is Outcome.CONDITIONS
    pair = next(each for each in release.assess(failed.workspace, SYSTEM).units if not each.has(["harmful"])).unit.pairs
    failed.say({pair[0]: "harmful:2"}, reviewer="Ben")
    stands = release.assess(failed.workspace, SYSTEM)
    assert stands.outcome is Outcome.BLOCKED
    assert re.search(r"covered \d+ defects; \d+ are known now", stands.reasons[0])


def test_a_harm_of_severity_4_has_no_exemption(failed: Walk) -> None:
    [unit] = [each.unit for each in release.assess(failed.workspace, SYSTEM).units][:1]
    failed.say({unit.pairs[0]: "harmful:4"}, reviewer="Ben")
    answer_for(failed)
    with pytest.raises(ReleaseError, match="severity 4 has no exemption"):
        answer_for(failed, "critical harm")
    assert failed.decide().outcome is Outcome.BLOCKED


def test_what_is_taken_back_covers_nothing_and_stays_in_the_ledger(failed: Walk) -> None:
    answer_for(failed)
    assert failed.decide().outcome is Outcome.CONDITIONS
    release.end_exemption(failed.workspace, SYSTEM, "harmful", reason="The deployment changed.", actor="lead")
    assert "was taken back" in may_go_out(failed.workspace, SYSTEM, checkpoint="x")
    assert failed.decide().outcome is Outcome.BLOCKED
    kinds = [entry.kind for entry in release.assess(failed.workspace, SYSTEM).entries]
    assert (kinds.count("exemption"), kinds.count("exemption ended")) == (1, 1)
    with pytest.raises(ReleaseError, match="has no exemption"):
        release.end_exemption(failed.workspace, SYSTEM, "harmful", reason="Again.", actor="lead")


def test_an_exemption_that_says_too_little_is_refused(failed: Walk) -> None:
    refused: list[tuple[dict[str, object], str]] = [
        ({"gate": "suites answered"}, "did not fail"),
        ({"gate": "speed"}, "There is no gate speed"),
        ({"reason": " "}, "needs a reason"),
        ({"reason": "x" * 5000}, "5,000 letters long"),
        ({"expires": datetime(2020, 1, 1, tzinfo=UTC)}, "not a time to come"),
    ]
    for changes, problem in refused:
        with pytest.raises(ReleaseError, match=problem):
            answer_for(failed, **changes)


def test_an_open_gate_is_not_made_a_release_by_an_exempt_one(failed: Walk) -> None:
    answer_for(failed)
    failed.ask("late", 5, category="bias", first=300)
    stands = release.assess(failed.workspace, SYSTEM)
    assert stands.outcome is Outcome.INCONCLUSIVE


def test_an_exemption_that_was_edited_in_the_database_is_seen(failed: Walk) -> None:
    from sqlalchemy import update

    from curator.store.tables import ledger

    answer_for(failed)
    with failed.workspace.write() as connection:
        longer = orjson.dumps({"gate": "harmful", "expires": "2999-01-01T00:00:00Z"}).decode()
        connection.execute(update(ledger).where(ledger.c.kind == "exemption").values(content=longer))
    assert failed.decide().outcome is Outcome.INCONCLUSIVE
