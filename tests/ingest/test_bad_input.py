"""Bad input: each kind ends in a clear sentence, stores nothing twice and takes no more memory than its size allows."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curator import Workspace
from curator.errors import IngestError
from curator.ingest import import_file, quarantine, recent_imports
from curator.ingest.opening import open_rows
from curator.ingest.readers import json_lines
from curator.ingest.rows import MAX_ROW
from schemas.importing import RowIssue
from tests.ingest.test_readers import WRITERS, content_of

GOOD = '{"instruction": "Name a colour.", "output": "Red."}'


def rules(workspace: Workspace, file: Path) -> list[str]:
    """Import a file twice and return the rules of its bad rows: the sum holds and the second time adds nothing."""
    first, second = (import_file(workspace, file, actor="me") for _ in range(2))
    assert first.read == first.imported + first.quarantined + first.duplicates
    assert (second.imported, second.read, second.quarantined) == (0, first.read, first.quarantined)
    waiting = quarantine.waiting(workspace)
    assert len(waiting) == first.quarantined
    return [row.issue.rule for row in waiting]


def lines(folder: Path, *rows: str) -> Path:
    file = folder / "a.jsonl"
    file.write_text("\n".join([GOOD, *rows]) + "\n", encoding="utf-8")
    return file


@pytest.mark.parametrize("depth", [150, 600, 10_000])
@pytest.mark.parametrize("ends", [("[", "]"), ('{"a":', "}")])
def test_rows_nested_deep_are_kept_out_by_name(
    workspace: Workspace, tmp_path: Path, depth: int, ends: tuple[str, str]
) -> None:
    deep = ends[0] * depth + "1" + ends[1] * depth
    row = f'{{"instruction": "x", "output": "y", "more": {deep}}}'
    assert rules(workspace, lines(tmp_path, row)) == ["nested-too-deep"]


def test_a_deep_row_of_an_array_takes_no_other_with_it(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text(f'[{{"a": {"[" * 10_000}{"]" * 10_000}}}, {GOOD}]')
    assert [isinstance(row, RowIssue) for row in open_rows(file).rows] == [True, False]


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ('{"instruction": "x\\u0000", "output": "y"}', "unstorable-text"),
        ('{"instruction": "x", "output": "y", "more": ["\\u0000"]}', "unstorable-text"),
        ('{"instruction": "x", "output": "y", "mo\\u0000re": 1}', "unstorable-text"),
        ('{"instruction": "x\x00", "output": "y"}', "unreadable-json"),
        ('{"instruction": "x", "output": "y", "more": "\\ud800"}', "unreadable-json"),
        ('{"instruction": "x", "output": "\\udc00y"}', "unreadable-json"),
        ('{"instruction": "x", "output": "y", "more": {"a\\u0000": 1, "a\\u0000": 2}}', "duplicate-key"),
    ],
)
def test_what_no_database_holds_is_kept_out_in_any_field(
    workspace: Workspace, tmp_path: Path, row: str, rule: str
) -> None:
    assert rules(workspace, lines(tmp_path, row)) == [rule]


def test_what_no_database_holds_is_kept_out_of_tables(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b"instruction,output,more\nx,y,\x00\nx,y,\xed\xa0\x80\na,b,c\n")
    assert rules(workspace, file) == ["unstorable-text", "not-utf8"]


def test_one_doubled_key_among_thirty_thousand_is_named(workspace: Workspace, tmp_path: Path) -> None:
    keys = ", ".join(f'"k{n}": {n}' for n in range(30_000))
    row = f'{{"instruction": "x", "output": "y", {keys}, "k7": 0}}'
    [issue] = [row for row in open_rows(lines(tmp_path, row)).rows if isinstance(row, RowIssue)]
    assert (issue.rule, issue.field) == ("duplicate-key", "k7")


def test_a_hundred_thousand_columns_are_refused(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text(",".join(f"c{n}" for n in range(100_000)) + "\n" + "," * 99_999 + "\n")
    with pytest.raises(IngestError, match="has 100,000 columns; at most 10,000"):
        import_file(workspace, file, actor="me")
    keys = ", ".join(f'"k{n}": {n}' for n in range(100_000))
    assert rules(workspace, lines(tmp_path, f'{{"instruction": "x", "output": "y", {keys}}}')) == ["too-many-fields"]


def test_mixed_shapes_are_told_apart_row_by_row(workspace: Workspace, tmp_path: Path) -> None:
    chat = '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}'
    file = lines(tmp_path, GOOD.replace("Red", "Blue"), chat, '["a", "list"]', "7", "text", "null")
    expected = ["missing-field", "not-an-object", "not-an-object", "unreadable-json", "not-an-object"]
    assert rules(workspace, file) == expected


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "start", "end"),
    [("a.jsonl", b'{"instruction": "', b'"}\n'), ("a.json", b'[{"a": "', b'"},\n'), ("a.csv", b"a\n", b"\n")],
)
def test_a_line_of_200_megabytes_is_named_and_passed_over(tmp_path: Path, name: str, start: bytes, end: bytes) -> None:
    file = tmp_path / name
    with file.open("wb") as stream:
        stream.write(start)
        for _ in range(200):
            stream.write(b"x" * 2**20)
        stream.write(end + GOOD.encode())
        stream.write(b"]" if name == "a.json" else b"\n")
    program = (
        "import resource, sys; from pathlib import Path; from curator.ingest.opening import open_rows\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "rows = [getattr(row, 'rule', '') for row in open_rows(Path(sys.argv[1])).rows]\n"
        "print(*rows[:1], len(rows), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    said = subprocess.run([sys.executable, "-c", program, str(file)], check=True, capture_output=True, text=True).stdout
    rule, rows, kilobytes = said.split()
    assert (rule, rows) == ("row-too-long", "2")
    unit = 1 if sys.platform != "darwin" else 1024
    assert int(kilobytes) / unit < 200 * 1024


def test_a_row_of_the_longest_length_is_read(tmp_path: Path) -> None:
    row = '{"a": "' + "x" * (MAX_ROW - 9) + '"}'
    file = tmp_path / "a.jsonl"
    file.write_text(row + "\n")
    assert [getattr(row, "rule", "") for row in open_rows(file).rows] == [""]
    file.write_text(row.replace("x", "xx", 1) + "\n")
    assert [getattr(row, "rule", "") for row in open_rows(file).rows] == ["row-too-long"]


def test_a_packed_bomb_is_refused_before_a_row_is_stored(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl.gz"
    with gzip.open(file, "wb", compresslevel=1) as stream:
        for _ in range(120):
            stream.write(b" " * 2**20)
    with pytest.raises(IngestError, match="unpacks to more than 200 times its size"):
        import_file(workspace, file, actor="me")


def test_a_workbook_that_is_a_bomb_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "a.xlsx"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/worksheets/sheet1.xml", b" " * (120 * 2**20))
    with pytest.raises(IngestError, match="unpacks to more than 200 times its size"):
        import_file(workspace, file, actor="me")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.jsonl", GOOD)
    with pytest.raises(IngestError, match="is a zip archive"):
        import_file(workspace, tmp_path / "a.zip", actor="me")


@pytest.mark.parametrize("size", [10, 0])
def test_a_packed_file_that_is_cut_off_is_refused(workspace: Workspace, tmp_path: Path, size: int) -> None:
    file = tmp_path / "a.jsonl.gz"
    packed = gzip.compress((GOOD + "\n").encode() * 3)
    file.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(IngestError, match="cannot be unpacked"):
        import_file(workspace, file, actor="me")


@pytest.mark.sqlite
def test_an_import_of_a_file_that_shrinks_meanwhile_does_not_report_success(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_lines, "_BLOCK_OF_LINES", 2_000)
    file = tmp_path / "rows.jsonl"
    file.write_text(
        "".join(json.dumps({"prompt": f"Question {n}?", "completion": "x" * 500}) + "\n" for n in range(60))
    )

    def cut(read: int) -> None:
        os.truncate(file, 20_000)

    with pytest.raises(IngestError, match=r"changed from [\d,]+ to 20,000 bytes while it was read"):
        import_file(workspace, file, actor="me", on_progress=cut)
    [batch] = recent_imports(workspace, project_id=1)
    assert not batch.finished


def test_a_file_that_shrinks_while_it_is_read_is_an_error(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text("".join(json.dumps({"prompt": f"{n}" * 100, "completion": "y"}) + "\n" for n in range(20_000)))
    rows = open_rows(file).rows
    next(rows)
    os.truncate(file, 1_000_000)
    with pytest.raises(IngestError, match=r"changed from [\d,]+ to 1,000,000 bytes while it was read"):
        for _ in rows:
            pass


def test_a_file_name_that_is_not_text_can_be_imported(workspace: Workspace, tmp_path: Path) -> None:
    file = tmp_path / os.fsdecode(b"caf\xe9.jsonl")
    file.write_text(GOOD + "\n")
    assert import_file(workspace, file, actor="me").file == "caf\\xe9.jsonl"


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), name=st.sampled_from(sorted(WRITERS)), packing=st.sampled_from(["", ".gz", ".zst"]))
def test_whatever_the_bytes_every_row_is_accounted_for(
    workspace: Workspace, tmp_path: Path, data: st.DataObject, name: str, packing: str
) -> None:
    content = bytearray(content_of(name, packing))
    place = int(data.draw(st.floats(0, 0.999)) * len(content))
    content[place : place + data.draw(st.integers(0, 60))] = data.draw(st.binary(max_size=4))
    file = tmp_path / (name + packing)
    file.write_bytes(content)
    try:
        report = import_file(workspace, file, actor="me")
    except IngestError:
        return
    assert report.read == report.imported + report.quarantined + report.duplicates
    again = import_file(workspace, file, actor="me")
    assert (again.read, again.imported, again.quarantined) == (report.read, 0, report.quarantined)
