"""Checks: answers of rules are kept with the text that they are about, and go on where they were."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from curator import CuratorError, Workspace, jobs
from curator.cli.main import app
from curator.curate import checks, profile
from curator.curate.engine import EngineName
from curator.quality.rules import Level
from curator.store import events, facts, projects, records
from schemas.annotation import RecordState
from schemas.event import Kind, of_project
from schemas.profile import RuleState
from tests.conftest import make_record

REFUSAL = "I'm sorry, but I can't help with that."


def stock(workspace: Workspace, count: int) -> None:
    some = [make_record(f"Say {n}, please.", REFUSAL if n % 3 == 0 else f"{n} it is.") for n in range(count)]
    with workspace.write() as connection:
        project = projects.by_name(connection)
        records.add_many(connection, some, project=project, at=workspace.clock(), accept=True)


def check(workspace: Workspace) -> dict[str, RuleState]:
    with workspace.read() as connection:
        project = projects.by_name(connection)
    jobs.execute(workspace, checks.start(workspace, project=project, actor="me", detach=False))
    return states(workspace)


def states(workspace: Workspace) -> dict[str, RuleState]:
    return {each.rule: each for each in checks.states(workspace, project_id=1)}


def test_answers_go_as_far_as_the_texts_that_they_are_about(workspace: Workspace) -> None:
    stock(workspace, 30)
    assert states(workspace)["boilerplate-refusal"].stands == "not run"
    refusal = check(workspace)["boilerplate-refusal"]
    assert (refusal.stands, refusal.hits, refusal.asked, refusal.failed) == ("run", 10, 30, 0)
    with workspace.write() as connection:
        first, *_ = records.page(connection, 1)
        records.set_state(connection, first, RecordState.ACCEPTED, final=first.content.with_response("Nothing."))
    refusal = states(workspace)["boilerplate-refusal"]
    assert refusal.stands == "run on 29 of 30; the others came or changed since"
    assert refusal.hits == 9
    kept = checks.latest(workspace, project_id=1)
    assert kept is not None
    assert (kept.behind, kept.profile.records) == (1, 30)
    assert check(workspace)["boilerplate-refusal"].stands == "run"
    again = checks.latest(workspace, project_id=1)
    assert again is not None
    assert again.behind == 0


def test_what_is_kept_is_the_profile_of_now(workspace: Workspace) -> None:
    stock(workspace, 30)
    check(workspace)
    kept = checks.latest(workspace, project_id=1)
    assert kept is not None
    assert kept.profile == profile.profile(workspace)
    refusal = next(each for each in kept.profile.rules if each.rule == "boilerplate-refusal")
    assert refusal.examples[0].quote == REFUSAL
    assert [(each.start, each.end, each.records) for each in kept.profile.turns] == [(2, 3, 30)]
    assert sum(each.records for each in kept.profile.response_lengths) == 30


def test_a_check_that_broke_off_goes_on_and_counts_nothing_twice(workspace: Workspace) -> None:
    stock(workspace, 1_300)
    with workspace.read() as connection:
        project = projects.by_name(connection)
    job_id = checks.start(workspace, project=project, actor="me", detach=False)

    def break_off(done: int, _total: int | None) -> None:
        assert done > 0
        raise CuratorError("The disk is full.", hint="Free some space.")

    with pytest.raises(CuratorError, match="disk is full"):
        jobs.execute(workspace, job_id, on_progress=break_off)
    refusal = states(workspace)["boilerplate-refusal"]
    assert 0 < refusal.asked < 1_300
    jobs.resume(workspace, job_id, actor="me", detach=False)
    jobs.execute(workspace, job_id)
    kept = checks.latest(workspace, project_id=1)
    assert kept is not None
    assert kept.profile == profile.profile(workspace)
    assert states(workspace)["boilerplate-refusal"].hits == 434


def test_a_switch_is_of_the_project_and_stands_in_the_log(workspace: Workspace) -> None:
    stock(workspace, 3)
    checks.choose(workspace, "boilerplate-refusal", project_id=1, actor="Lea", is_on=False)
    checks.choose(workspace, "boilerplate-refusal", project_id=1, actor="Lea", is_on=False)  # changes nothing
    checks.choose(workspace, "gap-in-response", project_id=1, actor="Lea", is_on=True, level=Level.ERROR)
    after = check(workspace)
    assert (after["boilerplate-refusal"].is_on, after["boilerplate-refusal"].stands) == (False, "not run")
    gap = after["gap-in-response"]
    assert (gap.is_on, gap.is_default, gap.level, gap.stands) == (True, False, "error", "run")
    with workspace.read() as connection:
        log = events.about(connection, of_project(1), kinds=[Kind.RULE])
        assert {rule.name for rule in checks.rules_of(connection, 1)} >= {"gap-in-response"}
        assert "boilerplate-refusal" not in {rule.name for rule in checks.rules_of(connection, 1)}
    assert [(each.actor, each.detail["rule"]) for each in log if each.detail] == [
        ("Lea", "boilerplate-refusal"), ("Lea", "gap-in-response")
    ]  # fmt: skip
    with pytest.raises(CuratorError, match=r"There is no rule gaps"):
        checks.choose(workspace, "gaps", project_id=1, actor="Lea", is_on=True)


def test_tokens_are_those_of_the_model_of_the_project(workspace: Workspace, tmp_path: Path) -> None:
    vocabulary = {"[UNK]": 0, "Say": 1, "please": 2, "it": 3, "is": 4}
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
        "pre_tokenizer": {"type": "Whitespace"}, "post_processor": None, "decoder": None,
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "[UNK]"},
    }  # fmt: skip
    folder = tmp_path / "small"
    folder.mkdir()
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    with workspace.write() as connection:
        project = projects.by_name(connection).model_copy(update={"base_model": str(folder)})
        projects.change(connection, project)
        some = [make_record("Say it, please.", "It is so."), make_record("Say", "it")]
        records.add_many(connection, some, project=project, at=workspace.clock())
    check(workspace)
    kept = checks.latest(workspace, project_id=1)
    assert kept is not None
    assert (kept.profile.tokenizer, kept.profile.total_tokens) == ("small", 5 + 4 + 2)
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer | {"padding": None, "version": "1.0", "x": 1}))
    later = checks.latest(workspace, project_id=1)
    assert later is not None
    assert later.behind == 2


@pytest.mark.slow
def test_processes_count_the_same_to_the_last_byte(workspace: Workspace) -> None:
    stock(workspace, 2_100)  # three batches
    here = profile.profile(workspace)
    beside = profile.profile(workspace, run_on=EngineName.PROCESSES, workers=2)
    assert beside.model_dump_json() == here.model_dump_json()
    assert here.records == 2_100


def test_the_command_lists_every_rule_and_switches_them(tmp_path: Path) -> None:
    def run(*words: str) -> tuple[int, str, str]:
        result = CliRunner().invoke(app, [*words, "--workspace", str(tmp_path / "workspace")])
        return result.exit_code, result.stdout, result.stderr

    run("init")
    (tmp_path / "rows.jsonl").write_text(json.dumps({"instruction": "How?", "output": REFUSAL}) + "\n")
    run("import", str(tmp_path / "rows.jsonl"))
    status, out, _ = run("check", "--off", "cut-off-response", "--json")
    printed = json.loads(out)
    assert (status, printed["job"]["state"]) == (0, "done")
    by_name = {each["rule"]: each for each in printed["rules"]}
    assert (by_name["boilerplate-refusal"]["hits"], by_name["cut-off-response"]["is_on"]) == (1, False)
    status, out, _ = run("check")
    assert (status, "boilerplate-refusal" in out, "not run" in out) == (0, True, True)
    status, _, err = run("check", "--on", "boilerplate")
    assert status == 1
    assert "Do you mean boilerplate-refusal?" in " ".join(err.split())


def test_facts_of_a_record_that_was_edited_meanwhile_do_not_count(workspace: Workspace) -> None:
    """The job reads, an annotator edits, the job stores: what it stores is about the text before."""
    stock(workspace, 1)
    with workspace.write() as connection:
        [before] = records.page(connection, 1)
        records.set_state(connection, before, RecordState.ACCEPTED, final=before.content.with_response("Yes."))
        set_id = facts.asked_id(connection, {"boilerplate-refusal": "1"})
        old = facts.Facts(before.id, before.text_hash, 2, 9, 9, None, None, ("boilerplate-refusal",), {})
        facts.store(connection, [old], set_id=set_id, revisions={"boilerplate-refusal": "1"})
    assert (states(workspace)["boilerplate-refusal"].hits, states(workspace)["boilerplate-refusal"].asked) == (0, 0)
