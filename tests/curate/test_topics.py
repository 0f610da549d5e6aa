"""Planted topics are found and named, and the same texts have the same topics in any order and on every database."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest
from typer.testing import CliRunner

from curator import CuratorError, Workspace
from curator.cli.main import app
from curator.curate import text_space, topics
from curator.quality import vector_space
from curator.quality.terms import terms_of
from curator.store import projects, records
from curator.store import topics as topic_store
from schemas.annotation import RecordState
from schemas.record import Record
from tests.conftest import make_record

WORDS = {
    "sea": "ship sail harbour anchor wave captain island storm whale tide",
    "kitchen": "flour butter oven sugar recipe bake dough cake spoon salt",
    "court": "judge law trial lawyer verdict appeal witness jury crime prison",
    "\u8336": "\u8336\u53f6 \u7eff\u8336 \u7ea2\u8336 \u6ce1\u8336 \u8336\u676f"
    " \u70ed\u6c34 \u8336\u58f6 \u53e3\u5473 \u9999\u6c14 \u4ea7\u5730",
}  # the last without blanks


def planted(each: int = 25) -> list[Record]:
    draw = random.Random(7)
    made = []
    for name, words in WORDS.items():
        glue = " " if name.isascii() else ""
        for _ in range(each):
            chosen = draw.sample(words.split(), 8)
            made.append(make_record(glue.join(chosen[:4]), glue.join(chosen[4:]), labels={"planted": name}))
    return made


def stock(workspace: Workspace, many: list[Record]) -> None:
    with workspace.write() as connection:
        records.add_many(connection, many, project=projects.by_name(connection), at=workspace.clock(), accept=True)


def topic_by_text(workspace: Workspace) -> dict[str, str]:
    with workspace.read() as connection:
        stored = list(records.every(connection, 1))
        names = topic_store.of_records(connection, [each.id for each in stored])
        return {each.text_hash: names[each.id] for each in stored if each.id in names}


def test_a_script_without_blanks_has_pairs_of_characters_as_terms() -> None:
    assert terms_of("\u0e01\u0e32\u0e41\u0e1f of 2 cups") == [
        "\u0e01\u0e32",
        "\u0e32\u0e41",
        "\u0e41\u0e1f",
        "of",
        "2",
        "cups",
    ]


def test_texts_that_share_rare_words_lie_closer_than_others() -> None:
    texts = [f"{each.instruction} {each.response}" for each in planted()]
    vectors = vector_space.fit(texts).project(texts)
    likeness = vectors @ vectors.T
    inside = np.mean([likeness[n : n + 25, n : n + 25].mean() for n in range(0, 100, 25)])
    assert inside > 3 * likeness.mean() / 2 > 0
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert not vector_space.fit(texts).project(["", "?!"]).any()


@pytest.mark.parametrize(
    "database_url", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
def test_planted_topics_are_found_in_any_order_on_every_database(workspace: Workspace, another_workspace) -> None:
    many = planted()
    stock(workspace, many)
    report = topics.count(workspace, topics=4, actor="Lea")
    assert [each.records for each in report.topics] == [25] * 4
    assert report.without == 0
    with workspace.read() as connection:
        planted_as = {each.id: each.content.labels["planted"] for each in records.every(connection, 1)}
        topic_of = topic_store.of_records(connection, list(planted_as))
    of_name = {name: {planted_as[id] for id in topic_of if topic_of[id] == name} for name in set(topic_of.values())}
    assert sorted(map(sorted, of_name.values())) == sorted([name] for name in WORDS)
    for name, [kind] in ((name, [*kinds]) for name, kinds in of_name.items()):
        assert all(term in WORDS[kind] for term in name.split(", "))
    for each in report.topics:
        assert {planted_as[id] for id in each.examples} == of_name[each.name]
        assert (each.share_accepted, each.share_edited) == (1, 0)
    other = another_workspace("other order")
    random.Random(3).shuffle(many)
    stock(other, many)
    topics.count(other, topics=4, actor="Lea")
    assert topic_by_text(other) == topic_by_text(workspace)


def test_a_record_that_was_edited_has_no_topic_until_topics_are_counted_again(workspace: Workspace) -> None:
    stock(workspace, planted(each=5))
    topics.count(workspace, actor="Lea")
    with workspace.write() as connection:
        first = next(iter(records.every(connection, 1)))
        edited = first.content.with_response("jury and judge, law and crime")
        records.set_state(connection, first, RecordState.ACCEPTED, final=edited)
    report = topics.report(workspace)
    assert (report.records, report.without) == (20, 1)
    again = topics.count(workspace, actor="Lea")
    assert again.without == 0
    assert sum(each.edited for each in again.topics) == 1
    with workspace.read() as connection:
        assert len(topic_store.of_records(connection, [first.id])) == 1


def test_topics_that_were_not_finished_are_never_shown_and_go_with_the_next_count(workspace: Workspace) -> None:
    stock(workspace, planted(each=5))
    before = topics.count(workspace, actor="Lea")
    with workspace.write() as connection:
        [half] = topic_store.add(connection, 1, [topic_store.NewTopic("half", ("half",), ())], at=workspace.clock())
        topic_store.assign(connection, [(half, before.topics[0].examples[0], b"0" * 32)])
    assert topics.report(workspace).topics == before.topics
    topics.count(workspace, actor="Lea")
    with workspace.write() as connection:
        assert topic_store.remove_old(connection, 1, most=10) == 0


def test_an_empty_project_has_no_topics_and_two_counts_at_once_are_refused(workspace: Workspace) -> None:
    with pytest.raises(CuratorError, match="has no records"):
        topics.count(workspace, actor="Lea")
    stock(workspace, [make_record("?", "!")])
    report = topics.count(workspace, actor="Lea")
    assert (report.without, [each.name for each in report.topics]) == (1, ["without words"])
    with workspace.read() as connection:
        project = projects.by_name(connection)
    with text_space.alone(workspace, project), pytest.raises(CuratorError, match="being counted now"):
        topics.count(workspace, actor="Lea")


def test_the_command_counts_and_prints_topics(workspace: Workspace) -> None:
    stock(workspace, planted(each=5))
    run = CliRunner()
    never = run.invoke(app, ["topics", "--workspace", str(workspace.folder)])
    assert "curator topics --count" in never.output
    counted = run.invoke(app, ["topics", "--number", "2", "--workspace", str(workspace.folder), "--json"])
    report = json.loads(counted.stdout)
    assert [each["records"] for each in report["topics"]] == sorted(
        (each["records"] for each in report["topics"]), reverse=True
    )
    assert (report["records"], report["without"], len(report["topics"])) == (20, 0, 2)
