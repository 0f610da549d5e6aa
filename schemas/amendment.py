"""An amendment: what leads changed of a record since it came in. What came in stays as it is, beside it."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from schemas.base import Schema
from schemas.record import Message, Record, Text


class Amendment(Schema):
    """Changes of one record. A field that was never set leaves the record's own, whatever its default says."""

    licence: Text | None = None
    group: Text | None = None
    labels: dict[Text, Text | None] = Field(default_factory=dict)
    """Labels that were set or, with None, taken away; others stay."""
    messages: tuple[Message, ...] | None = None
    rejected: tuple[Message, ...] | None = None
    alternative: Text | None = None
    hides_original: bool = False
    """The row word for word holds what was masked, so it is not shown, frozen or exported."""

    def applied(self, record: Record) -> Record:
        """A record as it came in, with every change."""
        changes = self._beside(record)
        changes |= {name: getattr(self, name) for name in ("messages", "rejected") if getattr(self, name) is not None}
        if "alternative" in self.model_fields_set:
            changes["alternative"] = self.alternative
        if self.hides_original:
            changes |= {
                "original": None, "also": tuple(each.model_copy(update={"original": None}) for each in record.also),
            }  # fmt: skip
        return record.model_copy(update=changes)

    def applied_beside(self, record: Record) -> Record:
        """A record as accepted, whose text stands for itself, with the changes of what stands beside its text."""
        return record.model_copy(update=self._beside(record))

    def with_changes(self, **changes: Any) -> Amendment:
        """This amendment with further changes; `labels` are added to those that it has."""
        if "labels" in changes:
            changes["labels"] = self.labels | changes["labels"]
        return Amendment.model_validate(self.stored() | changes)

    def stored(self) -> dict[str, Any]:
        """As it is stored: only what was set."""
        return self.model_dump(mode="json", exclude_unset=True)

    def _beside(self, record: Record) -> dict[str, Any]:
        changes: dict[str, Any] = {
            name: getattr(self, name) for name in ("licence", "group") if name in self.model_fields_set
        }
        if self.labels:
            labels = {**record.labels, **self.labels}
            changes["labels"] = {name: value for name, value in labels.items() if value is not None}
        return changes
