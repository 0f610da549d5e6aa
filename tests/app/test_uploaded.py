"""Names that people and browsers give, and the places where their files lie."""

from __future__ import annotations

import io

import pytest

from app.components import uploaded
from curator import Workspace, versions
from curator.store import projects, records
from schemas.version import SplitPlan
from tests.app.pages import draw, press
from tests.conftest import make_record


class Sent(io.BytesIO):
    """A file as Streamlit hands it over."""

    def __init__(self, name: str) -> None:
        super().__init__(b"{}")
        self.name = name


@pytest.mark.parametrize(
    "name", ["../../evil.jsonl", "/etc/evil.jsonl", "..", "", "C:\\evil\\..", "a\x00.jsonl", "a\ud800", "x" * 300, "a"]
)
def test_the_name_of_an_upload_never_decides_where_it_lies(name: str) -> None:
    with uploaded.on_disk(Sent(name)) as file:  # type: ignore[arg-type]
        assert file.read_bytes() == b"{}"
        assert [each.name for each in file.parent.iterdir()] == [file.name]
    assert not file.exists()


@pytest.mark.parametrize("name", ["../../evil", "/evil"])
def test_the_name_of_a_version_never_decides_where_its_export_lies(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with workspace.write() as connection:
        owner = projects.by_name(connection)
        records.add_many(connection, [make_record()], project=owner, at=workspace.clock(), accept=True)
    version = versions.freeze(workspace, actor="Ada", name=name, plan=SplitPlan(train=1, validation=0, test=0))
    before = {each for each in workspace.folder.parent.rglob("*") if workspace.folder not in each.parents}
    press(draw("versions", workspace, monkeypatch), "Export")
    assert (workspace.folder / "exports" / version.id[:12] / "trl").is_dir()
    assert {each for each in workspace.folder.parent.rglob("*") if workspace.folder not in each.parents} == before
