"""Rights are checked in the functions that act, whatever a page shows: every one of them, with every role."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import pkgutil
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import curator
from curator import Workspace, open_workspace, release, versions
from curator.access import may
from curator.errors import AccessError, NotFoundError, TrainingError
from curator.runs import queue
from curator.runs.export import export_model
from curator.store import accounts
from schemas.account import Right, Role
from schemas.run import TrainConfig
from schemas.version import ExportFormat

_BELOW = ("store", "cli", "stats", "quality", "training")
"""What knows no workspace, and the command line, whose caller is the operator."""
_WHO = ("actor", "adjudicator", "annotator", "reviewer", "voter", "author", "person")
"""Parameters that name the person who acts."""

_LEAD = {
    Right.ACCOUNTS: "access.accounts",
    Right.CURATE: "annotate.adjudicate annotate.answer_import annotate.ask_again annotate.assignment "
    "annotate.questions annotate.settings annotate.suggestion_import ingest versions jobs curate",
    Right.TRAIN: "runs base_models",
    Right.DECIDE: "release runs.promotion",
    Right.ANNOTATE: "annotate",
    Right.REVIEW: "review runs.generation runs.remote_generation",
}
"""What a person needs for the functions of a module; the longest name that fits counts."""
_OTHERS = {"annotate.adjudicate.ask": Right.ANNOTATE, "release.report.write_report": Right.REVIEW}

_OF_THE_SERVER = {
    "access.accounts.setup_link",
    "access.accounts.redeem",  # the right is the link's
    "access.passwords.sign_in",
    "access.people.enter",  # where there are no accounts
    "access.sessions.who",
    "access.sessions.sign_out",
    "jobs.supervision.revive",
    "jobs.supervision.watch",
    "jobs.work.execute",
    "runs.queue.watch",
    "runs.queue.begin_next",
    "runs.work.execute",
    "runs.work.execute_beside",
}
"""Functions that write for no person."""
_NOT_AN_ACT = {
    "demo.run_demo",
    "evidence.add",
    "access.rights.has_right",
    "access.rights.require",
    "review.sides.ballot_side",
    "review.sides.side_of_target",
    "review.verdicts.may_see_names",
    "review.verdicts.sealed_judgements",
    "review.work.work_for",
}
"""Functions that take a name and are the check, or read nothing of the workspace but its secret: what else they work
on, their caller has read, who was checked."""


def _public() -> Iterator[tuple[str, Callable[..., object]]]:
    """Every public function of the package that takes a workspace, with its name below `curator`."""
    for module_info in pkgutil.walk_packages(curator.__path__, "curator."):
        if module_info.name.split(".")[1] in (*_BELOW, "__main__"):
            continue
        module = importlib.import_module(module_info.name)
        for name, function in inspect.getmembers(module, inspect.isfunction):
            takes = next(iter(inspect.signature(function).parameters), None)
            if function.__module__ == module.__name__ and not name.startswith("_") and takes == "workspace":
                yield f"{module.__name__.removeprefix('curator.')}.{name}", function


_FUNCTIONS = dict(_public())


def _who(function: Callable[..., object]) -> str | None:
    return next((name for name in inspect.signature(function).parameters if name in _WHO), None)


_ACTS = {name: function for name, function in _FUNCTIONS.items() if _who(function) and name not in _NOT_AN_ACT}


def _needed(name: str) -> Right:
    if name in _OTHERS:
        return _OTHERS[name]
    fitting = [(len(place), right) for right, places in _LEAD.items() for place in places.split()
               if name.startswith(f"{place}.")]  # fmt: skip
    return max(fitting)[1]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace behind a server, with an account of every role, and one that was closed."""
    opened = open_workspace(tmp_path_factory.mktemp("served") / "workspace", create=True)
    with opened.write() as connection:
        for name, role in [*((str(role), role) for role in Role), ("gone", Role.ADMIN)]:
            accounts.make(connection, name, role=role, at=opened.clock())
            accounts.set_password(connection, name, "a hash that fits no password")
        accounts.set_disabled(connection, "gone", at=opened.clock())
    yield replace(opened, is_served=True)
    opened.close()


def _refusal(served: Workspace, function: Callable[..., object], person: str) -> AccessError | None:
    """Why a person may not call a function; its other arguments hold nothing, so an act that is allowed ends early."""
    who = _who(function)
    parameters = list(inspect.signature(function).parameters.values())[1:]
    arguments = {each.name: None for each in parameters if each.default is each.empty}
    try:
        function(served, **arguments | {who: person})
    except AccessError as error:
        return error if "which may not" in error.problem else None
    except Exception:
        return None
    return None


@pytest.mark.parametrize("name", sorted(_ACTS))
def test_a_function_refuses_every_role_below_the_one_it_needs(served: Workspace, name: str) -> None:
    refused = [role for role in Role if _refusal(served, _ACTS[name], str(role)) is not None]
    assert refused == [role for role in Role if not may(role, _needed(name))]
    assert _refusal(served, _ACTS[name], "gone") is not None
    assert _refusal(served, _ACTS[name], "a stranger") is not None


@functools.cache
def _mentioned(function: Callable[..., object]) -> tuple[bool, frozenset[Callable[..., object]]]:
    """Whether a function begins a writing transaction itself, and the functions of the package that it names."""
    body = ast.parse(textwrap.dedent(inspect.getsource(function)))
    names = dict(function.__globals__)
    for node in ast.walk(body):
        if isinstance(node, ast.ImportFrom) and node.module is not None and node.module.startswith("curator"):
            module = importlib.import_module(node.module)
            names |= {each.asname or each.name: getattr(module, each.name, None) for each in node.names}
    writes, mentioned = False, set()
    for node in ast.walk(body):
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".write") and not node.args:
            writes = True
        if isinstance(node, (ast.Name, ast.Attribute)):
            value: object = node
            path = []
            while isinstance(value, ast.Attribute):
                path.append(value.attr)
                value = value.value
            value = names.get(value.id) if isinstance(value, ast.Name) else None
            for name in reversed(path):
                value = getattr(value, name, None)
            value = inspect.unwrap(value) if callable(value) else value
            if inspect.isfunction(value) and value.__module__.startswith("curator."):
                mentioned.add(value)
    return writes, frozenset(mentioned)


def _reaches_a_write(function: Callable[..., object]) -> bool:
    waiting, known = [inspect.unwrap(function)], {function}
    while waiting:
        writes, mentioned = _mentioned(waiting.pop())
        if writes:
            return True
        waiting += mentioned - known
        known |= mentioned
    return False


def test_whatever_writes_by_itself_or_by_what_it_calls_says_for_whom() -> None:
    """What is left are readers."""
    anonymous = {name for name, function in _FUNCTIONS.items() if not _who(function) and _reaches_a_write(function)}
    assert anonymous == _OF_THE_SERVER


def test_a_server_writes_exports_and_reports_in_its_workspace_alone(served: Workspace, tmp_path: Path) -> None:
    """And starts no process with a file that a page names."""
    writers: list[Callable[[Path], object]] = [
        lambda out: export_model(served, "no run", out, merged=False, actor="lead"),
        lambda out: versions.export(served, "no version", format=ExportFormat.TRL, out=out, actor="lead"),
        lambda out: release.write_report(served, "no run", out, actor="lead"),
    ]
    exports = served.exports_folder
    for write in writers:
        for elsewhere in (tmp_path / "out", exports, exports / ".." / "runs" / "out", exports / "/etc/out"):
            with pytest.raises(AccessError, match="writes nowhere else"):
                write(elsewhere)
        with pytest.raises(NotFoundError):
            write(exports / "out")
    with pytest.raises(TrainingError, match="file of accelerate"):
        queue.start(served, "no version", TrainConfig(base="x", accelerate_config="/etc/x"), actor="lead")
