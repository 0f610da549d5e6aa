"""Rules of other packages: found where the package is installed, and harmless when they raise, hang or die."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from curator.quality import rules
from curator.quality.rules.guard import guarded
from schemas.record import Record
from tests.conftest import make_record

PACKAGE = '''
"""Rules of Acme."""

import os
import time

from curator.quality.rules import Level, Rule, Span


def _mentions(record):
    for n, message in enumerate(record.messages):
        if "Acme" in message.content:
            yield Span(n, "Acme")


def _raises(record):
    raise KeyError(record.instruction)


def _works_for_ever(record):
    while "loop" in record.instruction:
        pass
    return ()


def _waits_for_ever(record):
    while "wait" in record.instruction:
        time.sleep(1)
    return ()


def _dies(record):
    if "die" in record.instruction:
        os._exit(3)
    return ()


RULES = (
    Rule("acme-name", "It names the firm.", Level.WARNING, _mentions, hint="Acme"),
    Rule("acme-raises", "Raises.", Level.WARNING, _raises),
    Rule("acme-works", "Works for ever.", Level.WARNING, _works_for_ever),
    Rule("acme-waits", "Waits for ever.", Level.WARNING, _waits_for_ever),
    Rule("acme-dies", "Ends its process.", Level.ERROR, _dies),
)
'''


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package with rules, installed for the time of a test."""
    site = tmp_path / "site"
    (site / "acme_rules-1.0.dist-info").mkdir(parents=True)
    (site / "acme_rules.py").write_text(PACKAGE)
    (site / "acme_rules-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: acme-rules\nVersion: 1.0\n"
    )
    (site / "acme_rules-1.0.dist-info" / "entry_points.txt").write_text("[curator.rules]\nacme = acme_rules:RULES\n")
    monkeypatch.syspath_prepend(str(site))
    importlib.invalidate_caches()
    yield
    sys.modules.pop("acme_rules", None)


def asked(names: list[str], *records: Record, seconds: float = 30) -> list[rules.Answers]:
    with guarded(rules.rules_named(names), seconds=seconds) as ask:
        return ask(records)


@pytest.mark.usefixtures("acme")
def test_rules_of_an_installed_package_are_asked_beside_the_others() -> None:
    assert [rule.name for rule in rules.every_rule()][-5:] == [
        "acme-name", "acme-raises", "acme-works", "acme-waits", "acme-dies"
    ]  # fmt: skip
    names = ["acme-name", "speaks-as-model", "acme-raises"]
    records = (make_record("Who?", "As an AI of Acme, I greet you."), make_record("Who?", "Nobody."))
    named, other = asked(names, *records)
    assert [(hit.rule, hit.place) for hit in named.hits] == [
        ("acme-name", "messages.1"), ("speaks-as-model", "messages.1")
    ]  # fmt: skip
    assert named.failed == other.failed == (("acme-raises", "KeyError: 'Who?'"),)
    assert other.hits == ()


@pytest.mark.slow
@pytest.mark.usefixtures("acme")
def test_a_rule_that_hangs_or_dies_fails_on_that_record_and_the_others_are_answered() -> None:
    names = ["acme-name", "acme-works", "acme-waits", "acme-dies"]
    records = [make_record(word, "Acme.") for word in ("fine", "loop", "die", "last")]
    answers = asked(names, *records, seconds=1)
    assert [[hit.rule for hit in each.hits] for each in answers] == [["acme-name"]] * 4
    assert [each.failed for each in answers] == [
        (),
        (("acme-works", "It did not end within 1 seconds."),),
        (("acme-dies", "It ended the process in which it was asked."),),
        (),
    ]
    [waiting] = asked(["acme-waits"], make_record("wait", "Acme."), seconds=0.05)
    assert waiting.failed == (("acme-waits", "It did not end within 0.05 seconds."),)


@pytest.mark.slow
@pytest.mark.usefixtures("acme")
def test_a_rule_that_keeps_dying_is_given_up_and_says_so() -> None:
    with guarded(rules.rules_named(["acme-dies", "acme-name"])) as ask:
        first = ask([make_record("die", "Acme.") for _ in range(4)])
        [later] = ask([make_record("fine", "Acme.")])
    given_up = ("acme-dies", "It is not asked any more: it did not end on 3 records.")
    ended = ("acme-dies", "It ended the process in which it was asked.")
    assert [each.failed for each in first] == [(ended,), (ended,), (ended,), (given_up,)]
    assert later.failed == (given_up,)
    assert [hit.rule for hit in later.hits] == ["acme-name"]


@pytest.mark.usefixtures("acme")
def test_two_rules_of_one_name_are_refused(tmp_path: Path) -> None:
    entries = tmp_path / "site" / "acme_rules-1.0.dist-info" / "entry_points.txt"
    entries.write_text("[curator.rules]\nacme = acme_rules:RULES\nagain = acme_rules:RULES\n")
    with pytest.raises(ValueError, match="Two rules are called acme-dies"):
        rules.every_rule()
