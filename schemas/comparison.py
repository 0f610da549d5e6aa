"""Two versions or two imports side by side: what changed, and how each is made up."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from schemas.base import Schema
from schemas.record import Record

Change = Literal["added", "removed", "edited", "relabelled", "moved"]


class Side(Schema):
    """One of the two that are compared."""

    id: str
    """Of a version or an import."""
    title: str
    rows: int


class RowText(Schema):
    """One side of a changed row."""

    row_id: str
    """Of a version's row; of an import, the id of the record."""
    context: str
    """What is said before the last response, one message after another."""
    response: str
    source: str
    split: str | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    groups: tuple[str, ...] = ()

    @classmethod
    def of(cls, record: Record, *, row_id: str, split: str | None = None) -> RowText:
        """What a comparison shows of a record."""
        said = record.context
        context = said[0].content if len(said) == 1 else "\n\n".join(f"{each.role}: {each.content}" for each in said)
        return cls(
            row_id=row_id,
            context=context,
            response=record.response,
            source=record.origin.source,
            split=split,
            labels=record.labels,
            groups=record.groups,
        )


class ChangedRow(Schema):
    """A row that differs."""

    change: Change
    before: RowText | None
    """None for a row that was added."""
    after: RowText | None
    """None for a row that was removed."""
    record_ids: tuple[str, ...] = ()
    """Records of the project behind it, where they still are."""


class Bar(Schema):
    """One value of a distribution, with the number of rows on both sides."""

    value: str
    before: int
    after: int


class Distribution(Schema):
    """How the rows of both sides divide by one property."""

    name: str
    """As in `source`, `response characters` or `rule`."""
    before: int
    """Rows that were looked at; fewer than there are where a sample was drawn, or where only changed rows count."""
    after: int
    bars: tuple[Bar, ...]
    """In the order of their size together; those of lengths in their own."""


class Comparison(Schema):
    """What changed from one side to the other."""

    kind: Literal["versions", "imports"]
    before: Side
    after: Side
    same: int
    """Rows that are on both sides with the same content."""
    added: int
    removed: int
    edited: int
    """Rows of which both sides hold another wording."""
    relabelled: int
    """Same content, other groups or labels."""
    moved: int
    """Rows of versions whose split is another one."""
    paired_by: dict[str, int] = Field(default_factory=dict)
    """How the two wordings of edited rows were found: by the content that both came in as, the same prompt, the same
    group, or the same line."""
    compared_labels: int | None = None
    """Of rows that are the same, those whose labels were compared; None for all of them."""
    examples: dict[Change, tuple[ChangedRow, ...]] = Field(default_factory=dict)
    distributions: tuple[Distribution, ...] = ()
