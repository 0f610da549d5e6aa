"""Choosing a run, a version or a base model: by name, found by typing a part of it; ids only where the mouse rests."""

from __future__ import annotations

from collections.abc import Sequence

from app import state
from app.components import notice
from schemas.run import BaseModel, Run
from schemas.version import Version


def choose_run(all_runs: Sequence[Run], *, label: str = "Run") -> Run | None:
    """Draw the choice of a run, which stands in the address. Returns it; None when there is none."""
    by_id = {run.id: run for run in all_runs}
    shown = {run.id: run.name for run in all_runs}
    tips = {run.id: f"Run {run.id}" + (f". {notice.plain(run.note)}" if run.note else "") for run in all_runs}
    chosen = state.chosen("run", list(by_id), label=label, shown=shown, tips=tips)
    return None if chosen is None else by_id[chosen]


def choose_version(versions: Sequence[Version], *, label: str = "Version") -> Version | None:
    """Draw the choice of a version, which stands in the address. Returns it; None when there is none."""
    by_id = {version.id: version for version in versions}
    shown = {version.id: f"{version.title} ({notice.counted(version.rows, 'record')})" for version in versions}
    tips = {version.id: f"Version {version.id}" for version in versions}
    chosen = state.chosen("version", list(by_id), label=label, shown=shown, tips=tips)
    return None if chosen is None else by_id[chosen]


def choose_base(known: Sequence[BaseModel]) -> BaseModel | None:
    """Draw the choice of a base model, which stands in the address. Returns it; None when there is none."""
    by_name = {base.name: base for base in known}
    tips = {base.name: notice.plain(base.folder) for base in known}
    chosen = state.chosen("base", list(by_name), label="Base model", tips=tips)
    return None if chosen is None else by_name[chosen]
