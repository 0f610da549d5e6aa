"""The profile counts every record once, as it stands now, and says what the rules found and what was not asked."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from curator import Workspace
from curator.cli.main import app
from curator.curate.profile import profile
from curator.ingest import import_file
from curator.quality import rules
from curator.store import projects, records
from schemas.profile import Count, Spread
from schemas.record import Message, Record
from tests.conftest import make_record

REFUSAL = "I'm sorry, but I can't help with that."


def stock(workspace: Workspace, *stocked: Record, accept: bool = False) -> None:
    with workspace.write() as connection:
        project = projects.by_name(connection)
        records.add_many(connection, list(stocked), project=project, at=workspace.clock(), accept=accept)


def test_every_record_is_counted_once_by_what_is_known_of_it(workspace: Workspace) -> None:
    stock(workspace, make_record("a" * 10, "b" * 20, licence="MIT", language="en"), make_record("c" * 30, "d" * 5))
    pair = make_record("Better?", "Yes.", rejected=(Message(role="assistant", content="No."),))
    stock(workspace, pair, make_record("Fine?", "Yes.", desirable=False), accept=True)
    found = profile(workspace)
    assert found.records == 4
    assert found.states == (Count(value="accepted", records=2), Count(value="waiting", records=2))
    assert found.sources == (Count(value="made.jsonl", records=4),)
    assert found.licences == (Count(value=None, records=3), Count(value="MIT", records=1))
    assert found.languages == (Count(value=None, records=3), Count(value="en", records=1))
    assert {count.value: count.records for count in found.shapes} == {"pair": 2, "preference": 1, "kto": 1}
    assert found.messages == Spread(least=2, p5=2, median=2, p95=2, most=2)
    assert found.prompt_characters == Spread(least=5, p5=5, median=10, p95=30, most=30)
    assert found.response_characters == Spread(least=4, p5=4, median=5, p95=20, most=20)


def test_an_empty_project_has_a_profile(workspace: Workspace) -> None:
    found = profile(workspace)
    assert (found.records, found.states, found.messages) == (0, (), None)
    assert {count.records for count in found.rules} == {0}


def test_a_rule_names_the_records_that_it_hits_with_its_precision(workspace: Workspace) -> None:
    stock(workspace, *(make_record(f"How is it done in {n} ways?", REFUSAL) for n in range(7)), make_record("Hi", "Ho"))
    found = {count.rule: count for count in profile(workspace, examples=3).rules}["boilerplate-refusal"]
    assert found.records == 7
    assert [(example.place, example.quote) for example in found.examples] == [("messages.1", REFUSAL)] * 3
    assert found.precision is not None
    assert 0.8 <= found.precision <= 1
    assert found.judged == 40


def test_a_rule_that_is_off_is_named_and_asked_on_demand(workspace: Workspace) -> None:
    stock(workspace, make_record("Tell me about the firm.", "It was founded by [insert name]."))
    by_default = profile(workspace)
    assert by_default.off == ("gap-in-response",)
    asked = profile(workspace, asked=rules.rules_named(["gap-in-response"]))
    assert [(count.rule, count.records) for count in asked.rules] == [("gap-in-response", 1)]
    assert "boilerplate-refusal" in asked.off


def test_a_rule_that_raises_says_on_how_many_records(workspace: Workspace) -> None:
    def broken(record: Record) -> list[rules.Span]:
        raise KeyError(record.instruction)

    stock(workspace, make_record("a", "b"), make_record("c", "d"))
    [count] = profile(workspace, asked=[rules.Rule("mine", "Mine.", rules.Level.ERROR, broken)]).rules
    assert (count.records, count.failed, count.error) == (0, 2, "KeyError: 'a'")


def test_what_a_person_edited_is_what_is_profiled(workspace: Workspace) -> None:
    stock(workspace, make_record("How?", REFUSAL), accept=True)
    with workspace.write() as connection:
        [stored] = records.every(connection, projects.by_name(connection).id)
        records.set_state(connection, stored, stored.state, final=stored.content.with_response("Like this."))
    assert sum(count.records for count in profile(workspace).rules) == 0


def test_records_of_parts_and_of_the_database_are_read(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps({"instruction": f"Say {n}.", "output": str(n)}) + "\n" for n in range(1_500)))
    import_file(workspace, file, actor="me")
    stock(workspace, make_record("One more?", "Yes."))
    assert profile(workspace).records == 1_501


def test_the_command_prints_the_profile_and_refuses_unknown_rules(tmp_path: Path) -> None:
    def run(*words: str) -> tuple[int, str, str]:
        result = CliRunner().invoke(app, [*words, "--workspace", str(tmp_path / "workspace")])
        return result.exit_code, result.stdout, result.stderr

    run("init")
    (tmp_path / "rows.jsonl").write_text(json.dumps({"instruction": "How?", "output": REFUSAL}) + "\n")
    run("import", str(tmp_path / "rows.jsonl"))
    status, out, _ = run("profile", "--json")
    printed = json.loads(out)
    assert (status, printed["records"]) == (0, 1)
    assert {count["rule"]: count["records"] for count in printed["rules"]}["boilerplate-refusal"] == 1
    status, out, _ = run("profile")
    assert (status, "boilerplate-re" in out) == (0, True)
    status, _, err = run("profile", "--rule", "boilerplate")
    assert status == 1
    assert "Do you mean boilerplate-refusal?" in " ".join(err.split())
