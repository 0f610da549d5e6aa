"""Exports: every format opens elsewhere, has the same bytes every time, and reads back as the same content."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pandas as pd
import pytest
from openpyxl import load_workbook

from curator import Workspace, versions
from curator.errors import UnsayableError
from curator.ingest import import_file
from curator.quality.fingerprint import content_hash
from curator.store import projects, records
from schemas.record import Message, Origin, Record, ToolCall
from schemas.version import ExportFormat, Split, SplitPlan
from tests.conftest import make_record

ALL_TRAIN = SplitPlan(train=1, validation=0, test=0)
SAYS = Origin(source="made.jsonl", line=1)
NUMBERS = '{"least":-0.0,"most":1e400,"id":1180591620717411303424}'
TOOL = f'{{"type":"function","function":{{"name":"weather","parameters":{NUMBERS}}}}}'


def talk(*turns: tuple[str, str] | Message, **extra: Any) -> Record:
    messages = [turn if isinstance(turn, Message) else Message(role=turn[0], content=turn[1]) for turn in turns]  # type: ignore[arg-type]
    return Record(messages=tuple(messages), origin=SAYS, **extra)


def calls(*names: str, content: str = "", ids: tuple[str | None, ...] = (None, None)) -> Message:
    arguments = {"weather": '{"city":"Oslo","cold":-0.0}', "time": "{}"}
    called = tuple(ToolCall(name=name, arguments=arguments[name], id=id) for name, id in zip(names, ids, strict=False))
    return Message(role="assistant", content=content, tool_calls=called)


PLAIN = [make_record(f"Question {n}?\n", f" Answer {n}.") for n in range(5)]
TALKS = [
    *PLAIN,
    talk(("system", "Be brief."), ("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d")),
    talk(("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d")),
]
TOOLS = [
    *TALKS,
    talk(("user", "Rain?"), calls("weather"), ("tool", "rain"), ("assistant", "It rains."), tools=(TOOL,)),
    talk(
        ("user", "When?"),
        calls("weather", "time"),
        ("tool", "x"),
        ("tool", "y"),
        ("assistant", "Now."),
        tools=(TOOL, TOOL),
    ),
    talk(("user", "Now?"), calls("time", ids=("abc",)), ("tool", "12:00"), ("assistant", "Noon.")),
]
PAIRS = [make_record(f"Better {n}?", "Good.", rejected=(Message(role="assistant", content="Bad."),)) for n in range(3)]
TOOL_PAIR = talk(
    ("user", "Rain?"), calls("weather"), ("tool", "rain"), ("assistant", "Yes."), tools=(TOOL,),
    rejected=(calls("time"), Message(role="tool", content="12"), Message(role="assistant", content="No.")),
    prompt_length=1,
)  # fmt: skip
VERDICTS = [make_record("Fine?", "Yes.", desirable=True), make_record("Fine?", "No.", desirable=False)]
FORMULAS = [
    make_record("=1+1", "@here", group="g", labels={"topic": "=a", "level": "1"}),
    make_record("'=1+1", "\ttab\r\nline", also=({"origin": {"source": "made.jsonl"}, "group": "h"},), group="g"),
]
EVERYTHING = [
    *FORMULAS, *TOOLS, *PAIRS, TOOL_PAIR, *VERDICTS,
    make_record("Undecided?", "A.", alternative="B."),
    talk(("developer", "Be kind."), Message(role="user", content="Hi", name="Ada"),
         calls("time", content="Let me see."), ("tool", "1"), ("assistant", "One.")),
    talk(("user", "a"), Message(role="assistant", content="b", train=True), ("user", "c"),
         Message(role="assistant", content="d", train=True)),
]  # fmt: skip
HELD = {
    ExportFormat.TRL: [*PLAIN, *FORMULAS],
    ExportFormat.TRL_CHAT: [*FORMULAS, *TOOLS, EVERYTHING[-2]],
    ExportFormat.PREFERENCE: [*PAIRS, TOOL_PAIR],
    ExportFormat.KTO: VERDICTS,
    ExportFormat.OPENAI: [*FORMULAS, *TOOLS, EVERYTHING[-2], EVERYTHING[-1]],
    ExportFormat.ALPACA: [*FORMULAS, *TALKS],
    ExportFormat.SHAREGPT: [*FORMULAS, *TOOLS],
    ExportFormat.PARQUET: EVERYTHING,
    ExportFormat.HF: EVERYTHING,
    ExportFormat.CSV: EVERYTHING,
    ExportFormat.XLSX: EVERYTHING,
}


def accept(workspace: Workspace, items: list[Record]) -> None:
    with workspace.write() as connection:
        project = projects.by_name(connection)
        records.add_many(connection, items, project=project, at=workspace.clock(), accept=True)


def exported(workspace: Workspace, folder: Path, format: ExportFormat, *, plan: SplitPlan = ALL_TRAIN) -> list[Path]:
    version = versions.freeze(workspace, actor="me", plan=plan)
    report = versions.export(workspace, version.id, format=format, out=folder, actor="me")
    return [folder / file.path for file in report.files]


@pytest.mark.parametrize("format", list(ExportFormat))
def test_what_is_exported_reads_back_as_the_same_content(
    workspace: Workspace, another_workspace: Callable[[str], Workspace], tmp_path: Path, format: ExportFormat
) -> None:
    accept(workspace, HELD[format])
    files = exported(workspace, tmp_path / "out", format)
    before = versions.freeze(workspace, actor="me", plan=ALL_TRAIN)
    other = another_workspace("other")
    for file in files:
        if file.suffix in (".jsonl", ".parquet", ".csv", ".xlsx", ".arrow"):
            report = import_file(other, file, actor="me", accept=True)
            assert (report.quarantined, report.imported) == (0, len(HELD[format])), report.issues
    after = versions.freeze(other, actor="me", plan=ALL_TRAIN)
    rows = [{row.row_hash for row in versions.rows(each, v.id)} for each, v in ((workspace, before), (other, after))]
    assert rows[0] == rows[1]
    if HELD[format] is EVERYTHING:
        assert before.id == after.id  # groups and labels came back as well


@pytest.mark.slow
@pytest.mark.sqlite
@pytest.mark.parametrize("format", list(ExportFormat))
def test_what_a_format_cannot_hold_is_refused_by_name_and_nothing_is_written(
    another_workspace: Callable[[str], Workspace], tmp_path: Path, format: ExportFormat
) -> None:
    held = {id(record) for record in HELD[format]}
    for n, record in enumerate(each for each in EVERYTHING if id(each) not in held):
        other = another_workspace(f"workspace {n}")
        accept(other, [record])
        with pytest.raises(UnsayableError, match=r"made\.jsonl, line (1|None)"):
            exported(other, tmp_path / "out", format)
    assert not (tmp_path / "out").exists()


@pytest.mark.sqlite
def test_a_formula_is_text_in_every_cell(workspace: Workspace, tmp_path: Path) -> None:
    dangerous = ["=1+1", "+1", "-1", "@sum", "\tx", "\rx", "'=1"]
    accept(workspace, [make_record(text, text, labels={"label": text}) for text in dangerous])
    [table] = exported(workspace, tmp_path / "csv", ExportFormat.CSV)
    with table.open(newline="") as stream:
        cells = [cell for row in csv.reader(stream) for cell in row]
    [book] = exported(workspace, tmp_path / "xlsx", ExportFormat.XLSX)
    sheet = list(load_workbook(book)["rows"].iter_rows())
    assert {cell.data_type for row in sheet for cell in row} <= {"s", "n"}  # n: an empty cell
    cells += [str(cell.value) for row in sheet for cell in row if cell.value is not None]
    assert len([cell for cell in cells if cell.startswith("'")]) == 2 * 2 * len(dangerous)
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


@pytest.mark.sqlite
def test_a_cell_that_excel_would_cut_is_refused_by_name(workspace: Workspace, tmp_path: Path) -> None:
    accept(workspace, [make_record("Long?", "x" * 32_768)])
    with pytest.raises(UnsayableError, match="32,768 characters in response, and Excel holds 32,767"):
        exported(workspace, tmp_path / "out", ExportFormat.XLSX)


@pytest.mark.sqlite
@pytest.mark.parametrize("code", ["\ufffe", "\uffff"])
def test_a_character_that_excel_would_change_is_refused_by_name(
    workspace: Workspace, tmp_path: Path, code: str
) -> None:
    accept(workspace, [make_record("Odd?", f"x{code}")])
    with pytest.raises(UnsayableError, match=f"character U.{ord(code):X} in response, which Excel cannot hold"):
        exported(workspace, tmp_path / "out", ExportFormat.XLSX)


@pytest.mark.sqlite
@pytest.mark.parametrize("arguments", ['"text"', '"1"', "null"])
def test_arguments_that_sharegpt_would_change_are_refused_by_name(
    workspace: Workspace, tmp_path: Path, arguments: str
) -> None:
    call = Message(role="assistant", tool_calls=(ToolCall(name="f", arguments=arguments),), train=True)
    odd = Record(messages=(Message(role="user", content="Q"), call), origin=Origin(source="a.jsonl"))
    accept(workspace, [odd])
    with pytest.raises(UnsayableError, match="a text or with null in place of arguments"):
        exported(workspace, tmp_path / "out", ExportFormat.SHAREGPT)


@pytest.mark.sqlite
def test_a_datasets_folder_opens_both_ways_and_has_a_card(workspace: Workspace, tmp_path: Path) -> None:
    accept(workspace, [*EVERYTHING, *(make_record(f"More {n}?", licence="MIT") for n in range(60))])
    exported(workspace, tmp_path / "out", ExportFormat.HF, plan=SplitPlan())
    version = versions.newest_first(workspace)[0]
    opened = datasets.load_from_disk(str(tmp_path / "out"))
    loaded = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert isinstance(opened, datasets.DatasetDict)
    for each in (opened, loaded):
        assert {split: len(part) for split, part in each.items()} == {s.value: n for s, n in version.splits.items()}
    frozen = {row.row_id: row.record for row in versions.rows(workspace, version.id)}
    for row in opened["train"]:
        assert [m["content"] for m in row["messages"]] == [m.content for m in frozen[row["row_id"]].messages]
    card = (tmp_path / "out" / "README.md").read_text()
    assert card.startswith("---\nlicense: other\n")
    assert f"`{version.id}`" in card and "| MIT | 60 |" in card


@pytest.mark.sqlite
@pytest.mark.slow
@pytest.mark.parametrize(
    "format", [ExportFormat.TRL_CHAT, ExportFormat.OPENAI, ExportFormat.ALPACA, ExportFormat.SHAREGPT]
)
def test_a_file_of_more_than_ten_megabytes_opens_although_keys_appear_late(
    workspace: Workspace, tmp_path: Path, format: ExportFormat
) -> None:
    """`datasets` takes the columns of a file from its first 10 MB."""
    long = [make_record(f"Question {n}?", f"{n} " + "words " * 20_000) for n in range(110)]
    accept(workspace, long)
    last = sorted(
        row.row_hash for row in versions.rows(workspace, versions.freeze(workspace, actor="me", plan=ALL_TRAIN).id)
    )[-2]
    late = next(
        each
        for n in range(10_000)
        if content_hash(
            each := talk(("system", f"{n}"), ("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d"))
            if format is ExportFormat.ALPACA
            else talk(
                ("user", f"{n}"),
                calls("weather"),
                ("tool", "x"),
                ("assistant", "y"),
                tools=(TOOL.replace(NUMBERS, "{}"),),
            )
        )
        > last
    )
    accept(workspace, [late])
    [file] = exported(workspace, tmp_path / "out", format)
    assert file.stat().st_size > 11 * 2**20
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert len({frozenset(row) for row in rows}) == 1  # every key in every row
    opened = datasets.load_dataset("json", data_files=str(file), cache_dir=str(tmp_path / "cache"))["train"]
    assert len(opened) == 111
    assert len(pd.read_json(file, lines=True)) == 111


@pytest.mark.sqlite
def test_weights_and_calls_stand_where_openai_wants_them(workspace: Workspace, tmp_path: Path) -> None:
    accept(workspace, [TOOLS[-3]])
    [file] = exported(workspace, tmp_path / "out", ExportFormat.OPENAI)
    text = file.read_text()
    assert '"least":-0.0,"most":1e400,"id":1180591620717411303424' in text
    [row] = [json.loads(line) for line in text.splitlines()]
    assert row["messages"] == [
        {"role": "user", "content": "Rain?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "weather", "arguments": '{"city":"Oslo","cold":-0.0}'},
                }
            ],
            "weight": 0,
        },
        {"role": "tool", "content": "rain", "tool_call_id": "call_1"},
        {"role": "assistant", "content": "It rains.", "weight": 1},
    ]
    assert [tool["function"]["name"] for tool in row["tools"]] == ["weather"]


@pytest.mark.sqlite
def test_splits_of_one_version_are_files_of_their_own(workspace: Workspace, tmp_path: Path) -> None:
    accept(workspace, [make_record(f"Question {n}?") for n in range(100)])
    files = exported(workspace, tmp_path / "out", ExportFormat.CSV, plan=SplitPlan())
    assert [file.name for file in files] == [f"{split.value}.csv" for split in Split]
    assert sum(len(pd.read_csv(file)) for file in files) == 100


@pytest.mark.slow
@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("name", "format", "rows"),
    [
        ("sharegpt_toolcall_en.json", ExportFormat.OPENAI, 265),  # 3 of them differ in their tools alone
        ("hh_harmless_pairs.jsonl", ExportFormat.PREFERENCE, 1150),
    ],
)
def test_public_data_comes_back_through_an_export_as_the_same_content(
    workspace: Workspace,
    another_workspace: Callable[[str], Workspace],
    tmp_path: Path,
    shared_data: Path,
    name: str,
    format: ExportFormat,
    rows: int,
) -> None:
    assert import_file(workspace, shared_data / name, actor="me", accept=True).imported == rows
    [file] = exported(workspace, tmp_path / "out", format)
    other = another_workspace("other")
    assert import_file(other, file, actor="me", accept=True).imported == rows
    ids = []
    for each in (workspace, other):
        version = versions.freeze(each, actor="me", plan=ALL_TRAIN)
        ids.append({row.row_id for row in versions.rows(each, version.id)})
    assert ids[0] == ids[1]
