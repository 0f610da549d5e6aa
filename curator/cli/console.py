"""Printing: results on standard output, progress and messages on standard error, errors with their next step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import typer
from pydantic import BaseModel, ValidationError
from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from curator.errors import CuratorError

messages = Console(stderr=True, highlight=False)
_results = Console(highlight=False)


def show(result: BaseModel | dict[str, Any], *, as_json: bool, human: RenderableType) -> None:
    """Print the result of a verb: one JSON object, or the text or table for people."""
    if as_json:
        plain = result.model_dump(mode="json") if isinstance(result, BaseModel) else result
        typer.echo(orjson.dumps(plain, default=_plain, option=orjson.OPT_NON_STR_KEYS).decode())
    else:
        _results.print(human)


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else str(value)


def progress() -> Progress:
    """A progress display on standard error, silent where that is no terminal."""
    return Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"), console=messages, transient=True, disable=not messages.is_terminal,
    )  # fmt: skip


@contextmanager
def errors() -> Iterator[None]:
    """Turn an error that the user can mend into a message and exit status 1; a wrong option value into status 2."""
    try:
        yield
    except CuratorError as error:
        messages.print(Text.assemble(("Problem: ", "bold red"), error.problem))
        messages.print(f"  Next: {error.hint}", markup=False)
        raise typer.Exit(1) from error
    except ValidationError as error:
        for issue in error.errors():
            place = ".".join(str(part) for part in issue["loc"])
            messages.print(
                f"Wrong value for {place or 'the settings'}: {issue['msg']} (got {issue['input']!r}).", markup=False
            )
        raise typer.Exit(2) from error
