"""What trainability says of records is what a run then does with them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from curator import Workspace, versions
from curator.cli.main import app
from curator.runs import trainability
from curator.runs.selection import data_of
from curator.store import projects, records
from curator.training import checkpoint
from schemas.record import Message, Record
from schemas.run import TrainConfig
from schemas.trainability import Obstacle, Trainability
from schemas.version import SplitPlan
from tests.conftest import make_record

BASE = str(Path(__file__).resolve().parents[2] / "sample_data" / "base_model")


@pytest.fixture
def mixed(workspace: Workspace) -> Workspace:
    """A frozen version of 30 records that train and some that do not."""
    silent = tuple(
        Message(role=role, content=f"{role} {n}", train=False) for n in range(2) for role in ("user", "assistant")
    )
    strange = (Message(role="tool", content="42"), Message(role="assistant", content="So it is."))
    control = checkpoint.load_tokenizer(BASE).eos_token
    many: list[Record] = [make_record(f"Question {n}?", "Answer. " * (n + 1)) for n in range(30)]
    many += [make_record(f"Long {n}?", "word " * 2_000) for n in range(3)]
    many += [make_record(f"Write {control} {n}", "No.") for n in range(2)]
    many += [
        make_record().model_copy(update={"messages": silent}),
        make_record().model_copy(update={"messages": strange}),
    ]
    with workspace.write() as connection:
        records.add_many(connection, many, project=projects.by_name(connection), at=workspace.clock(), accept=True)
    versions.freeze(workspace, actor="me", name="mixed", plan=SplitPlan(train=1, validation=0, test=0))
    return workspace


def counts(report: Trainability) -> dict[Obstacle, int]:
    return {each.obstacle: each.records for each in report.obstacles}


def test_what_is_said_of_a_version_is_what_the_trainer_does_with_it(mixed: Workspace) -> None:
    config = TrainConfig(base=BASE)
    report = trainability.of_version(mixed, "mixed", config)
    frozen, tokenizer = versions.find(mixed, "mixed").id, checkpoint.load_tokenizer(BASE)
    parts = data_of(mixed, frozen, tokenizer, config).values()
    examples = [example for part in parts for example in part.examples]
    refused = sorted(reason for part in parts for reason in part.refused)
    assert report.trains == len(examples)
    assert report.trains + sum(counts(report).values()) == report.records == report.looked_at == 37
    assert sorted(f"{each.id}: {each.reason}" for some in report.obstacles for each in some.examples) == refused
    assert counts(report)[Obstacle.TOO_LONG] == 3
    assert counts(report)[Obstacle.SPECIAL_TOKEN] == 2
    assert counts(report)[Obstacle.NOTHING_TRAINS] == 1
    assert report.lengths.response == sum(example.response_tokens for example in examples)
    for fit in report.fits[:2]:
        shorter = data_of(mixed, frozen, tokenizer, config.model_copy(update={"max_tokens": fit.max_tokens}))
        assert fit.records == sum(len(part.examples) for part in shorter.values()) + 1  # and one that trains nothing


def test_the_records_of_a_project_are_judged_before_any_version_is_frozen(mixed: Workspace) -> None:
    config = TrainConfig(base=BASE)
    of_project = trainability.of_project(mixed, config)
    assert counts(of_project) == counts(trainability.of_version(mixed, "mixed", config))
    special = next(each for each in of_project.obstacles if each.obstacle is Obstacle.SPECIAL_TOKEN)
    with mixed.read() as connection:
        behind = [
            records.get(connection, id).content.instruction for each in special.examples for id in each.record_ids
        ]
    assert sorted(behind) == sorted(each.excerpt for each in special.examples)
    assert special.query == f"id:{','.join(id for each in special.examples for id in each.record_ids)}"


def test_a_sample_is_drawn_by_the_hashes_of_the_texts(mixed: Workspace) -> None:
    config = TrainConfig(base=BASE)
    one, again = (trainability.of_version(mixed, "mixed", config, most=10) for _ in range(2))
    assert one == again
    assert (one.looked_at, one.records) == (10, 37)
    assert trainability.of_project(mixed, config, most=10).trains == one.trains


def test_the_command_says_what_keeps_records_out(mixed: Workspace) -> None:
    where = ["--base", BASE, "--workspace", str(mixed.folder)]
    printed = json.loads(CliRunner().invoke(app, ["trainability", "mixed", *where, "--json"]).stdout)
    assert {each["obstacle"]: each["records"] for each in printed["obstacles"]}["too-long"] == 3
    assert "has too many tokens" in CliRunner().invoke(app, ["trainability", *where]).stdout
