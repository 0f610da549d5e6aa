"""Names of runs and the list of base models: what comes by itself, what is changed, and what is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from safetensors.torch import save_file
from torch import zeros

from curator import Workspace, base_models, runs
from curator.annotate import settings
from curator.errors import NotFoundError, TrainingError
from curator.runs.preflight import preflight
from curator.store import runs as stored_runs
from curator.store import versions
from tests.runs.small import Frozen, config


def add(workspace: Workspace, run_id: str, base: Path, **changes: str) -> str:
    """The name of a run that is stored and never works."""
    with workspace.read() as connection:
        version_id = versions.newest_first(connection)[0].id
    with workspace.write() as connection:
        run = stored_runs.add(
            connection, run_id, version_id=version_id, config=config(base), actor="Ada", at=workspace.clock(), **changes
        )
    return run.name


def test_a_run_is_called_by_version_base_and_method(frozen: Frozen, tmp_path: Path) -> None:
    workspace, _ = frozen
    assert [add(workspace, f"r{n}", tmp_path / "small") for n in range(3)] == [
        "v on small, full",
        "v on small, full (2)",
        "v on small, full (3)",
    ]
    assert add(workspace, "r3", tmp_path / "small", name="short answers") == "short answers"


def test_a_run_is_found_by_its_name_and_by_the_beginning_of_its_id(frozen: Frozen, tmp_path: Path) -> None:
    workspace, _ = frozen
    add(workspace, "20260301-aa", tmp_path, name="first")
    add(workspace, "20260301-bb", tmp_path, name="20260301-aa")  # the id itself comes before a name
    with workspace.read() as connection:
        assert stored_runs.get(connection, "first").id == "20260301-aa"
        assert stored_runs.get(connection, "20260301-aa").name == "first"
        assert stored_runs.get(connection, "20260301-b").id == "20260301-bb"
        with pytest.raises(NotFoundError, match="More than one run"):
            stored_runs.get(connection, "2026")


def test_a_name_and_a_note_are_changed_and_a_name_in_use_is_refused(frozen: Frozen, tmp_path: Path) -> None:
    workspace, _ = frozen
    add(workspace, "a", tmp_path, name="first")
    add(workspace, "b", tmp_path, name="second")
    named = runs.describe(workspace, "a", name="  short \n answers ", note="No tickets.", actor="Ada")
    assert (named.name, named.note) == ("short answers", "No tickets.")
    assert runs.describe(workspace, "a", name="Short answers", actor="Ada").note == "No tickets."
    for name, problem in (("SHORT answers", "Another run"), (" ", "no name"), ("x" * 121, "121 characters")):
        with pytest.raises(TrainingError, match=problem):
            runs.describe(workspace, "b", name=name, actor="Ada")


def test_a_browser_trains_only_from_folders_on_the_list(frozen: Frozen, base_folder: Path) -> None:
    workspace, version = frozen
    served = dataclasses.replace(workspace, is_served=True)
    for ask in (
        lambda: runs.start(served, version.id, config(base_folder), actor="Ada"),
        lambda: preflight(served, version.id, config(base_folder)),
        lambda: settings.change(served, project_id=1, actor="Ada", base_model=str(base_folder)),
    ):
        with pytest.raises(TrainingError, match="not on the list"):
            ask()
    settings.change(workspace, project_id=1, actor="Lea", base_model="/moved/model")
    assert settings.change(served, project_id=1, actor="Lea", base_model="/moved/model", min_rating=4).min_rating == 4
    base = base_models.add(served, base_folder, name="small", actor="Lea")
    assert preflight(served, version.id, config(base_folder)).ok
    assert add(workspace, "a", base_folder) == "v on small, full"
    assert [each.name for each in base_models.known(served)] == ["small", "sample model"]
    for folder, name in ((base_folder, "other"), (base_folder.parent, "small")):
        with pytest.raises(TrainingError):
            base_models.add(served, folder, name=name, actor="Lea")
    base_models.remove(served, base.name, actor="Lea")
    with pytest.raises(TrainingError, match="No base model"):
        base_models.remove(served, base.name, actor="Lea")


def test_a_folder_without_a_model_stays_off_the_list(workspace: Workspace, tmp_path: Path) -> None:
    def refused(problem: str) -> None:
        with pytest.raises(TrainingError, match=problem):
            base_models.add(workspace, tmp_path / "m", actor="Lea")

    refused("no folder")
    (tmp_path / "m").mkdir()
    refused("no config.json")
    (tmp_path / "m" / "config.json").write_text('{"architectures": ["Llama"]}')
    refused("no weights")
    save_file({"a": zeros(1)}, tmp_path / "m" / "model.safetensors")
    refused("no tokenizer")
    (tmp_path / "m" / "tokenizer.json").write_text("{}")
    assert base_models.add(workspace, tmp_path / "m", actor="Lea").name == "m"
