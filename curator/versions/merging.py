"""Merging: accepted records with equal content become one row that keeps every place where it came from.

The result does not depend on the order of the records: arrivals are sorted, the first of them speaks for the row,
groups are joined, and where labels of one name differ the smallest value stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from curator.versions.identity import arrival_bytes
from schemas.record import Arrival, Record


def merged_arrivals(arrivals: Iterable[Arrival]) -> tuple[Arrival, ...]:
    """Arrivals of one content by file and line, each once."""
    by_bytes = {arrival_bytes(arrival): arrival for arrival in arrivals}
    order = sorted(by_bytes, key=lambda raw: (by_bytes[raw].origin.source, by_bytes[raw].origin.line or 0, raw))
    return tuple(by_bytes[raw] for raw in order)


def merged_labels(arrivals: Iterable[Arrival]) -> dict[str, str]:
    """The labels of a row that came in so: where those of one name differ, the smallest value."""
    labels: dict[str, str] = {}
    for arrival in arrivals:
        for name, value in arrival.labels.items():
            labels[name] = min(value, labels.get(name, value))
    return labels


def merged_groups(arrivals: Iterable[Arrival]) -> tuple[str, ...]:
    """The groups of a row that came in so, sorted."""
    return tuple(sorted({arrival.group for arrival in arrivals if arrival.group is not None}))


def with_arrivals(record: Record, arrivals: Sequence[Arrival], *, labels: dict[str, str]) -> Record:
    """A record that came in as `arrivals` say; the first one speaks for it where it says anything."""
    first, *others = arrivals
    groups = [first.group] if first.group is not None else sorted(a.group for a in others if a.group is not None)
    return record.model_copy(
        update={
            "origin": first.origin,
            "original": first.original,
            "licence": first.licence,
            "language": first.language,
            "group": groups[0] if groups else None,
            "labels": labels,
            "also": tuple(others),
        }
    )
