"""The arrows of the structure: who may import whom, read from the code itself."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]

# From left to right: a module imports only from its own layer and from layers to its left.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("schemas",),
    (
        "curator.errors",
        "curator.settings",
        "curator.semaphore",
        "curator.pool",
        "curator.memory",
        "curator.threads",
        "curator.detached",
        "curator.whole",
        "curator.samples",
        "curator.stats",
        "curator.quality",
    ),
    ("curator.store", "curator.workspace", "curator.access"),
    ("curator",),  # the package's own front door: open_workspace, Workspace, CuratorError
    ("curator.base_models",),  # projects show their tokens, runs start from them
    ("curator.jobs",),  # every stage may start one
    ("curator.evidence",),  # sealed by a key of the workspace; training asks it before a model goes out
    ("curator.ingest",),
    ("curator.annotate",),
    ("curator.curate",),
    ("curator.versions",),
    ("curator.training",),
    ("curator.runs",),
    ("curator.review",),
    ("curator.release",),
    ("curator.demo", "curator.overview", "curator.backup", "curator.doctor"),
    ("curator.cli", "curator.__main__", "app"),
)

_MODELS = (
    "curator.training",
    "curator.runs",
    "curator.review.detectors",
)

# A heavy or telling library, and the only places that may import it.
HOMES: dict[str, tuple[str, ...]] = {
    "streamlit": ("app",),
    "torch": _MODELS,
    "transformers": _MODELS,
    "peft": _MODELS,
    "accelerate": ("curator.training", "curator.runs"),
    "sqlalchemy": ("curator.store", "curator.workspace"),
    "alembic": ("curator.store",),
    "httpx": ("curator.runs.endpoint",),
    "duckdb": ("curator.store.part_search", "curator.versions", "curator.quality.profile"),
    "typer": ("curator.cli",),
    "rich": ("curator.cli",),
}


# The mechanism of a training stands alone: all that it may import of ours.
_MECHANISM = ("schemas", "curator.errors", "curator.whole", "curator.training")


def module_name(file: Path) -> str:
    parts = file.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_modules(file: Path) -> set[str]:
    """Every module that a file imports, wherever the import stands."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute"
            module = node.module or ""
            for alias in node.names:
                path = REPOSITORY.joinpath(*module.split("."), alias.name)
                is_module = path.with_suffix(".py").is_file() or path.is_dir()
                found.add(f"{module}.{alias.name}" if is_module else module)
    return found


def is_in(module: str, place: str) -> bool:
    return module == place or (place != "curator" and module.startswith(place + "."))


def layer_of(module: str) -> int | None:
    return next((n for n, places in enumerate(LAYERS) if any(is_in(module, place) for place in places)), None)


SOURCES = sorted(
    file
    for top in ("schemas", "curator", "app")
    for file in (REPOSITORY / top).rglob("*.py")
    if "migrations" not in file.parts
)


@pytest.mark.parametrize("file", SOURCES, ids=module_name)
def test_a_module_imports_only_from_its_left(file: Path) -> None:
    own = layer_of(module_name(file))
    assert own is not None, "a new module needs a place in LAYERS"
    if module_name(file) == "curator":
        return
    for imported in imported_modules(file):
        layer = layer_of(imported)
        if layer is not None:
            assert layer <= own, f"{module_name(file)} must not import {imported}"


@pytest.mark.parametrize("file", SOURCES, ids=module_name)
def test_a_library_is_imported_only_at_home(file: Path) -> None:
    for imported in imported_modules(file):
        homes = HOMES.get(imported.split(".")[0])
        if homes is not None:
            assert any(is_in(module_name(file), home) for home in homes), f"{imported} is not for {module_name(file)}"


def test_a_training_knows_no_workspace_no_store_and_no_version() -> None:
    for file in SOURCES:
        if not is_in(module_name(file), "curator.training"):
            continue
        for imported in imported_modules(file):
            ours = imported == "curator" or imported.startswith(("curator.", "app."))
            allowed = any(is_in(imported, place) for place in _MECHANISM)
            assert allowed or not ours, f"{module_name(file)} must not import {imported}"


def test_the_left_layers_do_not_reach_for_the_front_door() -> None:
    """`import curator` opens the workspace; a schema or a pure function that needs it would close a circle."""
    for file in SOURCES:
        layer = layer_of(module_name(file))
        if layer is not None and layer < layer_of("curator"):
            assert "curator" not in imported_modules(file), module_name(file)


def test_revisions_of_the_schema_follow_each_other() -> None:
    """Two that were written side by side may have one number, or one predecessor: no database could be opened then."""
    files = sorted((REPOSITORY / "curator" / "store" / "migrations" / "versions").glob("[0-9]*.py"))
    numbers = [file.name[:4] for file in files]
    assert numbers == [f"{n:04d}" for n in range(1, len(files) + 1)]
    for file, number in zip(files, numbers, strict=True):
        text = file.read_text(encoding="utf-8")
        before = re.search(r"^down_revision.*?= (.+)$", text, re.MULTILINE)
        assert f'revision = "{number}"' in text, file
        assert before is not None
        assert before[1].strip('"') == ("None" if number == "0001" else f"{int(number) - 1:04d}"), file
    newest = (REPOSITORY / "curator" / "store" / "schema.py").read_text(encoding="utf-8")
    assert f'NEWEST = "{numbers[-1]}"' in newest
