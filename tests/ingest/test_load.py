"""Import: good rows go on, bad rows are kept with their reason, and the sum always holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curator import Workspace
from curator.errors import IngestError
from curator.ingest import import_file, quarantine
from curator.review import add_suite
from curator.store import projects, records
from schemas.importing import FieldMap, Format, ImportReport
from schemas.record import Record


def write(folder: Path, name: str, *lines: object) -> Path:
    """A file of lines; what is no text becomes JSON."""
    file = folder / name
    file.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines) + "\n")
    return file


def everything(workspace: Workspace) -> list[Record]:
    with workspace.read() as connection:
        found = records.page(connection, projects.by_name(connection).id, limit=10_000)
    return sorted((stored.content for stored in found), key=lambda record: record.origin.line or 0)


def sums(report: ImportReport) -> tuple[int, int, int, int]:
    assert report.read == report.imported + report.quarantined + report.duplicates
    return report.read, report.imported, report.quarantined, report.duplicates


GOOD = {"instruction": "Name a colour.", "output": "Red."}


def test_import_keeps_good_rows_when_one_line_is_broken(workspace: Workspace, tmp_path: Path) -> None:
    file = write(tmp_path, "a.jsonl", GOOD, '{"instruction": "x", "output', {**GOOD, "output": "Blue."})
    report = import_file(workspace, file, actor="me")
    assert sums(report) == (3, 2, 1, 0)
    assert [record.response for record in everything(workspace)] == ["Red.", "Blue."]
    [row] = quarantine.waiting(workspace)
    assert (row.issue.line, row.issue.rule) == (2, "unreadable-json")
    assert row.issue.text == '{"instruction": "x", "output'


@pytest.mark.parametrize(
    ("row", "field", "rule"),
    [
        ({"instruction": "x"}, "output", "missing-field"),
        ({"instruction": "x", "output": 7}, "output", "wrong-type"),
        ({"instruction": " ", "output": "y"}, "instruction", "empty-instruction"),
        ({"instruction": "x", "output": "\n"}, "", "empty-response"),
        ({"instruction": "x", "output": "nul \x00"}, "output", "unstorable-text"),
        ('["a", "list"]', "", "not-an-object"),
        ('{"instruction": "x", "output": "a", "output": "b"}', "output", "duplicate-key"),
        ('{"instruction": "x", "output": NaN}', "", "unreadable-json"),
    ],
)
def test_a_bad_alpaca_row_says_what_is_wrong(
    workspace: Workspace, tmp_path: Path, row: object, field: str, rule: str
) -> None:
    report = import_file(workspace, write(tmp_path, "a.jsonl", GOOD, row), actor="me", format=Format.ALPACA)
    assert sums(report) == (2, 1, 1, 0)
    assert (report.issues[0].line, report.issues[0].field, report.issues[0].rule) == (2, field, rule)


@pytest.mark.parametrize(
    ("turns", "rule"),
    [
        ([["gpt", "Hello"], ["human", "Hi"]], "wrong-role-order"),
        ([["human", "a"], ["human", "b"], ["gpt", "c"]], "wrong-role-order"),
        ([["human", "a"], ["robot", "b"]], "unknown-role"),
        ([["human", "a"]], "no-response"),
        ([["human", "a"], ["gpt", "b"], ["human", "c"]], "no-response"),
        ([], "no-response"),
        ([["human", "a"], ["gpt", "b"], ["system", "c"], ["human", "d"], ["gpt", "e"]], "wrong-role-order"),
    ],
)
def test_a_conversation_in_the_wrong_order_is_kept_out(
    workspace: Workspace, tmp_path: Path, turns: list[list[str]], rule: str
) -> None:
    row = {"conversations": [{"from": who, "value": text} for who, text in turns]}
    report = import_file(workspace, write(tmp_path, "a.jsonl", row), actor="me")
    assert [issue.rule for issue in report.issues] == [rule]


def test_every_format_is_recognised_and_becomes_the_same_record(workspace: Workspace, tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "Add 2.\n3"}, {"role": "assistant", "content": "5"}]
    files = {
        "alpaca": write(tmp_path, "a.json", json.dumps([{"instruction": "Add 2.", "input": "3", "output": "5"}])),
        "prompt_completion": write(tmp_path, "b.csv", "prompt,completion", '"Add 2.\n3",5'),
        "chat": write(tmp_path, "c.jsonl", {"messages": turns}),
        "sharegpt": write(
            tmp_path,
            "d.jsonl",
            {"conversations": [{"from": "human", "value": "Add 2.\n3"}, {"from": "gpt", "value": "5"}]},
        ),
    }
    for n, (format, file) in enumerate(files.items()):
        report = import_file(workspace, file, actor="me")
        assert report.format.value == format
        assert sums(report) == ((1, 1, 0, 0) if n == 0 else (1, 0, 0, 1))
    [record] = everything(workspace)
    assert [(m.role, m.content, m.train) for m in record.messages] == [
        ("user", "Add 2.\n3", False),
        ("assistant", "5", True),
    ]


def test_tool_calls_and_weights_say_which_turns_train(workspace: Workspace, tmp_path: Path) -> None:
    chat = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b", "weight": 1},
        {"role": "user", "content": "c"},
        {"role": "assistant", "content": "d", "weight": 0},
    ]
    share = [
        ["human", "Weather?"],
        ["function_call", '{"name": "sky", "arguments": {"day": 1}}'],
        ["observation", "rain"],
        ["gpt", "It rains."],
    ]
    conversation = {"conversations": [{"from": who, "value": text} for who, text in share]}
    import_file(workspace, write(tmp_path, "a.jsonl", {"messages": chat}), actor="me")
    import_file(workspace, write(tmp_path, "b.jsonl", conversation), actor="me")
    weighted, tools = sorted(everything(workspace), key=lambda record: record.origin.source)
    assert [message.train for message in weighted.messages] == [False, False, True, False, False]
    assert [(m.role, m.train) for m in tools.messages] == [
        ("user", False),
        ("assistant", False),
        ("tool", False),
        ("assistant", True),
    ]
    assert tools.messages[1].tool_calls[0].name == "sky"
    assert tools.messages[2].tool_call_id == tools.messages[1].tool_calls[0].id


def test_csv_rows_that_span_lines_keep_their_line_and_text(workspace: Workspace, tmp_path: Path) -> None:
    file = write(tmp_path, "a.csv", "prompt,completion", '"two\nlines",one', "only one field", "last,row")
    report = import_file(workspace, file, actor="me")
    assert sums(report) == (3, 2, 1, 0)
    assert (report.issues[0].line, report.issues[0].rule) == (4, "field-count")
    assert report.issues[0].text == "only one field"
    assert [record.origin.line for record in everything(workspace)] == [2, 5]


def test_bytes_that_are_no_utf8_are_kept_readable(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps(GOOD).encode() + b'\n{"instruction": "caf\xe9", "output": "y"}\n')
    report = import_file(workspace, file, actor="me")
    assert sums(report) == (2, 1, 1, 0)
    assert report.issues[0].rule == "not-utf8"
    assert "caf\\xe9" in report.issues[0].text


def test_importing_again_stores_nothing_twice(workspace: Workspace, tmp_path: Path) -> None:
    file = write(tmp_path, "a.jsonl", GOOD, "broken", {**GOOD, "output": "Blue."}, GOOD)
    assert sums(import_file(workspace, file, actor="me")) == (4, 2, 1, 1)
    assert sums(import_file(workspace, file, actor="me")) == (4, 0, 1, 3)
    assert len(quarantine.waiting(workspace)) == 1


def test_a_corrected_row_is_imported_and_leaves_the_quarantine(workspace: Workspace, tmp_path: Path) -> None:
    import_file(workspace, write(tmp_path, "a.jsonl", GOOD, {"instruction": "x"}), actor="me")
    [row] = quarantine.waiting(workspace)
    assert quarantine.retry(workspace, actor="me").still_failing == 1
    fixed = quarantine.retry(workspace, actor="me", texts={row.id: '{"instruction": "x", "output": "y"}'})
    assert (fixed.imported, fixed.still_failing) == (1, 0)
    assert quarantine.waiting(workspace) == []
    assert {record.response for record in everything(workspace)} == {"Red.", "y"}
    with pytest.raises(IngestError, match="does not wait"):
        quarantine.retry(workspace, actor="me", texts={row.id: "x"})


def test_a_corrected_csv_row_is_read_under_its_header(workspace: Workspace, tmp_path: Path) -> None:
    import_file(
        workspace,
        write(tmp_path, "a.csv", "completion,prompt", "only one"),
        actor="me",
        format=Format("prompt_completion"),
    )
    [row] = quarantine.waiting(workspace)
    quarantine.retry(workspace, actor="me", texts={row.id: "an answer,a question"})
    [record] = everything(workspace)
    assert (record.instruction, record.response) == ("a question", "an answer")


def test_a_test_prompt_never_comes_in(workspace: Workspace, tmp_path: Path) -> None:
    suite = write(tmp_path, "suite.jsonl", {"id": "1", "prompt": "name a  COLOUR."})
    add_suite(workspace, suite, actor="me")
    report = import_file(workspace, write(tmp_path, "a.jsonl", GOOD, {**GOOD, "instruction": "Other."}), actor="me")
    assert sums(report) == (2, 1, 1, 0)
    assert report.issues[0].rule == "suite-prompt"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "is empty"),
        ('{"question": "a", "reply": "b"}', "the columns are question, reply"),
        ("a,a\n1,2", "is not a header"),
    ],
)
def test_a_file_that_cannot_be_imported_says_why(
    workspace: Workspace, tmp_path: Path, content: str, problem: str
) -> None:
    file = tmp_path / "a.txt"
    file.write_text(content)
    with pytest.raises(IngestError, match=problem):
        import_file(workspace, file, actor="me")


def test_a_mapping_changes_only_the_fields_that_it_names(workspace: Workspace, tmp_path: Path) -> None:
    row = {"question": "Add.", "input": "1 1", "answer": "2"}
    columns = {"instruction": "question", "output": "answer"}
    import_file(workspace, write(tmp_path, "a.jsonl", row), actor="me", field_map=FieldMap(columns=columns))
    [record] = everything(workspace)
    assert (record.instruction, record.response) == ("Add.\n1 1", "2")
    assert json.loads(record.original or b"") == row


_VALUES = st.one_of(st.none(), st.text(max_size=6), st.integers(), st.lists(st.text(max_size=3), max_size=2))
_ROWS = st.dictionaries(st.sampled_from(["instruction", "input", "output", "system", "history"]), _VALUES, max_size=4)
_LINES = st.one_of(_ROWS.map(json.dumps), st.text(st.characters(exclude_characters="\n\r", exclude_categories=("Cs",))))


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(_LINES, max_size=12))
def test_whatever_the_lines_every_one_is_accounted_for(workspace: Workspace, tmp_path: Path, lines: list[str]) -> None:
    file = tmp_path / "a.jsonl"
    lines = [json.dumps(GOOD), *lines]  # a file that begins with a bracket is an array, perhaps one that is cut off
    file.write_text("\n".join(lines), encoding="utf-8")
    report = import_file(workspace, file, actor="me", format=Format.ALPACA)
    sums(report)
    assert report.read == sum(bool(line.strip()) for line in file.read_bytes().split(b"\n"))


def test_the_sample_files_hold_the_bad_rows_that_their_readme_lists(workspace: Workspace, sample_data: Path) -> None:
    expected = {
        "tickets_alpaca.json": (105, 100, 3, 2),
        "products_chat.jsonl": (99, 95, 3, 1),
        "arithmetic_prompt_completion.csv": (103, 100, 2, 1),
        "orders_sharegpt.jsonl": (103, 100, 2, 1),
        "pairs_preference.jsonl": (6, 6, 0, 0),
        "verdicts_kto.jsonl": (6, 6, 0, 0),
        "calls_chat.jsonl": (3, 3, 0, 0),
    }
    for name, counts in expected.items():
        assert sums(import_file(workspace, sample_data / name, actor="me")) == counts


@pytest.mark.parametrize(
    ("name", "columns", "counts"),
    [
        ("alpaca_en_demo.json", {}, (999, 985, 0, 14)),
        ("gsm8k_train.jsonl", {"instruction": "question", "output": "answer"}, (7473, 7473, 0, 0)),
        ("sharegpt_identity.json", {}, (500, 500, 0, 0)),
        ("sharegpt_toolcall_en.json", {}, (300, 265, 0, 35)),
    ],
)
def test_public_data_sets_come_in_whole(
    workspace: Workspace, shared_data: Path, name: str, columns: dict[str, str], counts: tuple[int, ...]
) -> None:
    report = import_file(workspace, shared_data / name, actor="me", field_map=FieldMap(columns=columns))
    assert sums(report) == counts
