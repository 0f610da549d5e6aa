"""The list of base models: a person at a browser trains from a folder that a lead put on it, and from no other.

Who works at the machine itself, by command or in Python, may name any folder.
"""

from __future__ import annotations

from pathlib import Path

import orjson

from curator.access import require
from curator.errors import TrainingError
from curator.store import bases, events
from curator.workspace import Workspace
from schemas.account import Right
from schemas.event import Kind, of_base
from schemas.run import BaseModel

_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "spiece.model")


def known(workspace: Workspace) -> list[BaseModel]:
    """Every base model on the list, the last one that was added first and the sample model after them."""
    with workspace.read() as connection:
        return bases.newest_first(connection)


def add(workspace: Workspace, folder: Path, *, name: str | None = None, actor: str) -> BaseModel:
    """Put the folder of a causal language model on the list. Returns it.

    Args:
        workspace: Whose list.
        folder: On the machine that trains.
        name: How people call it; by default the name of the folder.
        actor: Who asks.

    Raises:
        TrainingError: The folder holds no model that a run could load, or folder or name stand on the list.
    """
    require(workspace, actor, Right.TRAIN)
    place = folder.expanduser().resolve()
    _check(place)
    called = (name or "").strip() or place.name
    with workspace.write() as connection:
        for each in bases.newest_first(connection):
            if each.folder == str(place):
                raise TrainingError(f"This folder is on the list, as {each.name}.", hint="Choose it there.")
            if each.name.lower() == called.lower():
                raise TrainingError(f"There is a base model called {each.name}.", hint="Choose another name.")
        at = workspace.clock()
        added = bases.add(connection, called, str(place), actor=actor, at=at)
        events.append(connection, Kind.BASE_ADDED, of_base(called), actor=actor, at=at, detail={"folder": str(place)})
    return added


def remove(workspace: Workspace, name: str, *, actor: str) -> None:
    """Take a base model off the list. Its folder stays, and so do the runs that started from it.

    Raises:
        TrainingError: It is not on the list.
    """
    require(workspace, actor, Right.TRAIN)
    with workspace.write() as connection:
        if not bases.remove(connection, name):
            raise TrainingError(f"No base model that was added is called {name}.", hint="List all under Train.")
        events.append(connection, Kind.BASE_REMOVED, of_base(name), actor=actor, at=workspace.clock())


def require_known(workspace: Workspace, folder: str) -> None:
    """Do nothing if a training may start from this folder.

    Raises:
        TrainingError: It is asked for through a server, and stands on no list.
    """
    if workspace.is_served and all(each.folder != folder for each in known(workspace)):
        raise TrainingError(
            f"{folder} is not on the list of base models.", hint="A lead puts it there under Train, Base models."
        )


def _check(place: Path) -> None:
    """Refuse a folder from which no run could load a model."""
    if not place.is_dir():
        raise TrainingError(f"There is no folder {place}.", hint="Name a folder on the machine that trains.")
    try:
        has_architecture = bool(orjson.loads((place / "config.json").read_bytes()).get("architectures"))
    except (OSError, orjson.JSONDecodeError, AttributeError):
        has_architecture = False
    if not has_architecture:
        raise TrainingError(
            f"{place} is not the folder of a model: it holds no config.json that names an architecture.",
            hint="Name the folder that holds config.json, tokenizer and weights.",
        )
    if not any(place.glob("*.safetensors")):
        raise TrainingError(
            f"{place} holds no weights in safetensors.", hint="Save the model with safe_serialization=True."
        )
    if not any((place / each).is_file() for each in _TOKENIZERS):
        raise TrainingError(f"{place} holds no tokenizer.", hint="Save the tokenizer into the same folder.")
