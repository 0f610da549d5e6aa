"""Outputs that models generated for the prompts of a suite."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Select, func, select

from curator.errors import NotFoundError
from curator.store.engine import insert_or_ignore
from curator.store.tables import output, suite_prompt
from schemas.record import Message
from schemas.review import Decoding, ModelName, Output, Prompt


class NewOutput(NamedTuple):
    """An output before it is stored."""

    position: int
    """Position of the prompt in its suite, from 0."""
    model: ModelName
    sample: int
    text: str
    tokens: int | None = None
    stopped: bool | None = None
    decoding: Decoding | None = None
    turns: tuple[Message, ...] | None = None


def add_many(connection: Connection, new: Sequence[NewOutput], *, system_id: str, suite_id: str, at: datetime) -> None:
    """Store outputs; one that is already there for the same prompt, model and sample is kept as it is."""
    if not new:
        return
    common = {"system_id": system_id, "suite_id": suite_id, "created_at": at}
    rows = [
        {
            **item._asdict(),
            "decoding": item.decoding.model_dump(mode="json") if item.decoding else None,
            "turns": [turn.model_dump(mode="json") for turn in item.turns] if item.turns else None,
            **common,
        }
        for item in new
    ]
    connection.execute(insert_or_ignore(output, connection.dialect), rows)


def done(connection: Connection, system_id: str, suite_id: str) -> set[tuple[int, str, int]]:
    """(position, model, sample) of every output that a system already has: generation goes on after these."""
    query = select(output.c.position, output.c.model, output.c.sample)
    rows = connection.execute(query.where(output.c.system_id == system_id, output.c.suite_id == suite_id))
    return {(row.position, row.model, row.sample) for row in rows}


def of_system(connection: Connection, system_id: str, *, suite_id: str | None = None) -> list[Output]:
    """Outputs of a system, ordered by suite, prompt, model and sample; of one suite when it is named."""
    query = _with_prompt().where(output.c.system_id == system_id)
    if suite_id is not None:
        query = query.where(output.c.suite_id == suite_id)
    order = (output.c.suite_id, output.c.position, output.c.model, output.c.sample)
    return _read(connection, query.order_by(*order))


def get(connection: Connection, output_id: int) -> Output:
    """The output with this id.

    Raises:
        NotFoundError: There is none.
    """
    found = _read(connection, _with_prompt().where(output.c.id == output_id))
    if not found:
        raise NotFoundError(f"There is no output {output_id}.", hint="Look its id up on the outputs page.")
    return found[0]


def lock(connection: Connection, output_id: int) -> None:
    """Let only this transaction judge an output until it ends; on SQLite a writer is alone anyway."""
    connection.execute(select(output.c.id).where(output.c.id == output_id).with_for_update(key_share=True))


def _with_prompt() -> Select[tuple[object, ...]]:
    """One row per output, with the content of its prompt."""
    matches = (output.c.suite_id == suite_prompt.c.suite_id) & (output.c.position == suite_prompt.c.position)
    return select(output, suite_prompt.c.content.label("prompt")).join(suite_prompt, matches)


def _read(connection: Connection, query: Select[tuple[object, ...]]) -> list[Output]:
    return [
        Output(
            id=row["id"],
            system_id=row["system_id"],
            suite_id=row["suite_id"],
            prompt=Prompt.model_validate(row["prompt"]),
            model=row["model"],
            sample=row["sample"],
            text=row["text"],
            tokens=row["tokens"],
            stopped=row["stopped"],
            decoding=None if row["decoding"] is None else Decoding.model_validate(row["decoding"]),
            turns=None if row["turns"] is None else tuple(Message.model_validate(turn) for turn in row["turns"]),
        )
        for row in connection.execute(query).mappings()
    ]


def count(connection: Connection) -> int:
    """Number of outputs in the workspace."""
    return connection.execute(select(func.count()).select_from(output)).scalar_one()
