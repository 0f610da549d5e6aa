"""Outputs from anywhere: each format brings the same words to the same prompts, and nothing else."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from curator import Workspace, release, review
from curator.errors import ReviewError
from curator.store import outputs, systems
from schemas.review import Output, OutputsReport

PROMPTS = ["Name a colour.", "Where does the heron sleep?", "Say hello, politely."]
SAID = ["Red.", "On one leg,\nin the reeds.", 'Good "morning".']


@pytest.fixture
def asked(workspace: Workspace, tmp_path: Path) -> Workspace:
    """A workspace with a suite of three prompts: c1, c2, c3."""
    rows = [{"id": f"c{n}", "prompt": prompt, "category": "fact"} for n, prompt in enumerate(PROMPTS, 1)]
    file = tmp_path / "colours.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    review.add_suite(workspace, file, actor="lead")
    return workspace


def bring(workspace: Workspace, file: Path) -> OutputsReport:
    return review.import_outputs(workspace, file, suite="colours", actor="lead", system="theirs")


def stored(workspace: Workspace) -> dict[tuple[str, int], Output]:
    with workspace.read() as connection:
        found = outputs.of_system(connection, systems.find(connection, "theirs").id)
    return {(each.prompt.id, each.sample): each for each in found}


def inspect_sample(n: int, epoch: int = 1, **more: Any) -> dict[str, Any]:
    """A sample as inspect_ai writes it; its ids are numbers from 1 where a data set has none of its own."""
    answer = {"role": "assistant", "content": [{"type": "text", "text": SAID[n]}], "source": "generate"}
    question = {"role": "user", "content": PROMPTS[n], "source": "input"}
    return {
        "id": f"c{n + 1}",
        "epoch": epoch,
        "input": PROMPTS[n],
        "target": "",
        "messages": [{"role": "system", "content": "Be kind."}, question, answer],
        "output": {"model": "m", "choices": [{"message": answer, "stop_reason": "stop"}], "completion": SAID[n]},
        "scores": {},
        "attachments": {},
    } | more


def lm_eval_row(n: int, **more: Any) -> dict[str, Any]:
    """A row of `samples_*.jsonl` as lm-eval writes it, with an example before the question."""
    context = f"Q: {PROMPTS[(n + 1) % 3]}\nA: ...\n\nQ: {PROMPTS[n]}\nA:"
    return {
        "doc_id": n,
        "doc": {"question": PROMPTS[n]},
        "target": "",
        "arguments": {"gen_args_0": {"arg_0": context, "arg_1": {"until": ["\n\n"], "max_gen_toks": 64}}},
        "resps": [[SAID[n]]],
        "filtered_resps": [SAID[n].upper()],
        "filter": "none",
        "exact_match": 0.0,
    } | more


def json_lines(folder: Path) -> Path:
    file = folder / "said.jsonl"
    file.write_text("\n".join(json.dumps({"prompt_id": f"c{n}", "output": text}) for n, text in enumerate(SAID, 1)))
    return file


def json_list(folder: Path) -> Path:
    file = folder / "said.json"
    file.write_text(json.dumps([{"prompt_id": f"c{n}", "output": text} for n, text in enumerate(SAID, 1)]))
    return file


def table(folder: Path) -> Path:
    file = folder / "said.csv"
    cells = ['"' + text.replace('"', '""') + '"' for text in SAID]
    lines = [f"c{n},{cell},,note" for n, cell in enumerate(cells, 1)]
    file.write_bytes("\r\n".join(["\ufeffprompt_id,output,sample,extra", *lines]).encode())
    return file


def inspect_log(folder: Path) -> Path:
    file = folder / "log.json"
    file.write_text(json.dumps({"version": 2, "status": "success", "samples": [inspect_sample(n) for n in range(3)]}))
    return file


def inspect_archive(folder: Path) -> Path:
    file = folder / "log.eval"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("_journal/start.json", "{}")
        archive.writestr("header.json", "{}")
        for n in range(3):
            archive.writestr(f"samples/c{n + 1}_epoch_1.json", json.dumps(inspect_sample(n)))
    return file


def lm_eval_samples(folder: Path) -> Path:
    file = folder / "samples_colours.jsonl"
    filtered = [lm_eval_row(n, filter="strict", filtered_resps=["x"]) for n in range(3)]
    file.write_text("\n".join(json.dumps(row) for row in [*(lm_eval_row(n) for n in range(3)), *filtered]))
    return file


def lm_eval_chat(folder: Path) -> Path:
    """The other generation: arguments as a list, the chat as JSON in its first place."""
    file = folder / "samples_chat.jsonl"
    chats = [json.dumps([{"role": "system", "content": "x"}, {"role": "user", "content": text}]) for text in PROMPTS]
    rows = [lm_eval_row(n, arguments=[[chat, {"until": []}]]) for n, chat in enumerate(chats)]
    file.write_text("\n".join(map(json.dumps, rows)))
    return file


FORMATS = [json_lines, json_list, table, inspect_log, inspect_archive, lm_eval_samples, lm_eval_chat]


@pytest.mark.sqlite
@pytest.mark.parametrize("write", FORMATS)
def test_every_format_brings_the_same_words_to_the_same_prompts(
    asked: Workspace, tmp_path: Path, write: Callable[[Path], Path]
) -> None:
    report = bring(asked, write(tmp_path))
    assert (report.imported, report.missing, report.refused) == (3, 0, 0), report.problems
    assert {place: each.text for place, each in stored(asked).items()} == {
        ("c1", 0): SAID[0], ("c2", 0): SAID[1], ("c3", 0): SAID[2],
    }  # fmt: skip
    again = bring(asked, write(tmp_path))
    assert (again.imported, again.known >= 3, again.refused) == (0, True, 0)


@pytest.mark.sqlite
def test_epochs_and_repeats_are_samples(asked: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "epochs.json"
    file.write_text(json.dumps({"samples": [inspect_sample(0, 1), inspect_sample(0, 2)]}))
    assert bring(asked, file).imported == 2
    file = tmp_path / "repeats.jsonl"
    file.write_text(json.dumps(lm_eval_row(1, resps=[["one", "two", "three"]])))
    assert bring(asked, file).imported == 3
    assert sorted(stored(asked)) == [("c1", 0), ("c1", 1), ("c2", 0), ("c2", 1), ("c2", 2)]
    assert stored(asked)["c1", 0].stopped is True


def test_a_conversation_is_kept_judged_and_bound_turn_by_turn(asked: Workspace, tmp_path: Path) -> None:
    turns = [
        {"role": "user", "content": PROMPTS[0]},
        {"role": "assistant", "content": "Which kind?"},
        {"role": "user", "content": "A warm one."},
        {"role": "assistant", "content": "Red.", "tool_calls": [{"function": "look", "arguments": {"at": "fire"}}]},
        {"role": "tool", "content": "orange"},
        {"role": "assistant", "content": "Orange, then."},
    ]
    own = tmp_path / "talks.jsonl"
    own.write_text(json.dumps({"prompt_id": "c1", "messages": turns}))
    assert bring(asked, own).imported == 1
    log = tmp_path / "talks.json"
    attached = [turns[0], {"role": "assistant", "content": "attachment://abc"}, *turns[2:]]
    log.write_text(json.dumps({"samples": [
        inspect_sample(0, 2, messages=attached, attachments={"abc": "Which kind?"})
    ]}))  # fmt: skip
    assert bring(asked, log).imported == 1
    first, second = stored(asked)["c1", 0], stored(asked)["c1", 1]
    assert first.turns == second.turns
    assert [turn.role for turn in first.turns] == ["assistant", "user", "assistant", "tool", "assistant"]
    assert first.text == 'Which kind?\n\nRed.\n[calls look: {"at":"fire"}]\n\nOrange, then.'
    review.screen_run(asked, "theirs", actor="lead")
    plan = review.draw(asked, "theirs", actor="lead")
    assert len(plan.pairs) == 1  # both samples are the same conversation
    [pair] = review.pairs.open_pairs(asked, "Ada", "theirs")
    assert [turn.content for turn in pair.a_turns][1] == "A warm one."
    assert release.assess(asked, "theirs").gates[-1].status == "pass"
    _edit_a_turn(asked)
    assert "the outputs" in release.assess(asked, "theirs").reasons[-1]


def _edit_a_turn(workspace: Workspace) -> None:
    from sqlalchemy import select, update

    from curator.store.tables import output

    with workspace.write() as connection:
        row = connection.execute(select(output.c.id, output.c.turns).limit(1)).one()
        turns = [{**turn, "content": turn["content"].replace("warm", "cold")} for turn in row.turns]
        connection.execute(update(output).where(output.c.id == row.id).values(turns=turns))


UNUSABLE = [
    ("asked something else", {"samples": [inspect_sample(0, input="Name a country.")]}),
    ("asked none of the prompts", {"samples": [inspect_sample(0, id=1, input="Name a country.")]}),
    ("ended with an error", {"samples": [inspect_sample(0, error={"message": "out of memory"})]}),
    ("holds no output", {"samples": [inspect_sample(0, output={"choices": []})]}),
    ("likelihoods", [lm_eval_row(0, resps=[[[-3.1, False]]])]),
    ("asked none of the prompts", [lm_eval_row(0, arguments=[["Name a country.", {}]])]),
    ("NUL", [{"prompt_id": "c1", "output": "a\x00b"}]),
    ("no prompt 'c9'", [{"prompt_id": "c9", "output": "x"}]),
    ("asked something else", [{"prompt_id": "c1", "prompt": PROMPTS[1], "output": "x"}]),
    ("not a number from 0", [{"prompt_id": "c1", "output": "x", "sample": -1}]),
    ("not an object", ["x"]),
    ("no message of it", [{"prompt_id": "c1", "messages": [{"role": "user", "content": "x"}]}]),
    ("role 'ghost'", [{"prompt_id": "c1", "messages": [{"role": "ghost", "content": "x"}]}]),
]


@pytest.mark.sqlite
def test_what_cannot_be_used_is_named_and_the_rest_is_stored(asked: Workspace, tmp_path: Path) -> None:
    for n, (problem, content) in enumerate(UNUSABLE):
        file = tmp_path / f"{n}.json"
        file.write_text(json.dumps(content))
        report = bring(asked, file)
        assert (report.imported, report.refused) == (0, 1), problem
        assert problem in report.problems[0]
    assert bring(asked, json_lines(tmp_path)).imported == 3


BROKEN_FILES = [
    ("a.eval", b"PK\x03\x04 not a zip", "not a log of inspect_ai"),
    ("b.json", b"{", "not valid JSON"),
    ("c.json", b'{"results": 1}', "neither a list of rows"),
    ("d.csv", b"id,text\n1,x\n", "no columns prompt_id and output"),
    ("e.csv", b"prompt_id,output\nc1,\xff\n", "not UTF-8"),
    ("f.csv", b'prompt_id,output\nc1,"open\n', "not CSV"),
    ("g.csv", b"", "no columns"),
]


@pytest.mark.sqlite
def test_a_file_of_another_kind_is_refused_whole(asked: Workspace, tmp_path: Path) -> None:
    for name, content, problem in BROKEN_FILES:
        file = tmp_path / name
        file.write_bytes(content)
        with pytest.raises(ReviewError, match=problem):
            bring(asked, file)
    with pytest.raises(ReviewError, match="cannot be read"):
        bring(asked, tmp_path / "absent.csv")


@pytest.mark.sqlite
def test_an_archive_cannot_fill_the_memory(asked: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curator.review.output_formats._LARGEST_FIELD", 2**20)
    file = tmp_path / "bomb.eval"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("samples/c1_epoch_1.json", b" " * 3_000_000)
        archive.writestr("samples/c2_epoch_1.json", json.dumps(inspect_sample(1)))
    report = bring(asked, file)
    assert (report.imported, report.refused) == (1, 1)
    assert "larger than 1 MiB" in report.problems[0]


@pytest.mark.sqlite
def test_strange_texts_come_in_word_for_word(asked: Workspace, tmp_path: Path) -> None:
    strange = ["\x1b[31mred\x07 \u202e", "<script>alert(1)</script>", "x" * 100_000]
    file = tmp_path / "strange.jsonl"
    file.write_text("\n".join(json.dumps({"prompt_id": f"c{n}", "output": t}) for n, t in enumerate(strange, 1)))
    assert bring(asked, file).imported == 3
    assert [each.text for _, each in sorted(stored(asked).items())] == strange
    assert review.screen_run(asked, "theirs", actor="lead").outputs == 3
