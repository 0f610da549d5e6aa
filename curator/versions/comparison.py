"""Two versions side by side: every change counted, examples of each with their texts, and how both are made up.

Changes are found by hashes (see `differences`); texts are read of the examples alone. How a version is made up is
counted in its files, of all rows; rules are asked about rows that changed, since they say the same of all others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import islice

from curator.quality import makeup, rules
from curator.quality.makeup import NOT_SAID, Counts
from curator.versions import files
from curator.versions.differences import Differences, differences
from curator.versions.querying import querying
from curator.versions.rows import find, folder_of, live_records, manifest, rows
from curator.versions.rows import some as some_rows
from curator.workspace import Workspace
from schemas.comparison import Change, ChangedRow, Comparison, Distribution, RowText, Side
from schemas.version import FrozenRow, Manifest, Split, Version

_JUDGED = 2_000
"""Changed rows of each side about which rules are asked: those with the lowest ids, which are hashes."""


def compare(workspace: Workspace, before: str, after: str, *, examples: int = 20) -> Comparison:
    """What changed from version `before` to version `after`, and how both are made up.

    Args:
        workspace: Where they are.
        before: Name, id or the beginning of an id.
        after: The same.
        examples: Rows to show of each kind of change: those with the lowest ids.

    Raises:
        NotFoundError: There is no such version.
        VersionError: The folder of one is missing or damaged.
    """
    named = [find(workspace, each) for each in (before, after)]
    first, second = (manifest(workspace, each.id) for each in named)
    changed = differences(workspace, first, second)
    gone = [*changed.removed, *changed.edited]
    fresh = [*changed.added, *changed.edited.values()]
    return Comparison(
        kind="versions",
        before=_side(named[0]),
        after=_side(named[1]),
        same=first.rows - len(gone),
        added=len(changed.added),
        removed=len(changed.removed),
        edited=len(changed.edited),
        relabelled=len(changed.relabelled),
        moved=len(changed.moved),
        paired_by={"content": len(changed.edited)} if changed.edited else {},
        examples=_examples(workspace, first, second, changed, most=examples),
        distributions=(
            *_distributions(workspace, first, second),
            makeup.side_by_side(
                "rule",
                *(_rule_hits(workspace, stated, ids) for stated, ids in ((first, gone), (second, fresh))),
                rows=(min(len(gone), _JUDGED), min(len(fresh), _JUDGED)),
            ),
        ),
    )


def _side(version: Version) -> Side:
    return Side(id=version.id, title=version.title, rows=version.rows)


def _examples(
    workspace: Workspace, first: Manifest, second: Manifest, changed: Differences, *, most: int
) -> dict[Change, tuple[ChangedRow, ...]]:
    origin_of = {new: old for old, new in changed.edited.items()}
    pairs: dict[Change, list[tuple[str | None, str | None]]] = {
        "added": [(None, each) for each in changed.added[:most]],
        "removed": [(each, None) for each in changed.removed[:most]],
        "edited": [(old, new) for old, new in islice(changed.edited.items(), most)],
        "relabelled": [(each, each) for each in changed.relabelled[:most]],
        "moved": [(origin_of.get(each, each), each) for each in islice(changed.moved, most)],
    }
    everything = [pair for some in pairs.values() for pair in some]
    old = some_rows(workspace, first.id, {each for each, _ in everything if each is not None})
    new = some_rows(workspace, second.id, {each for _, each in everything if each is not None})
    records = live_records(workspace, second.id, new.values())
    records = live_records(workspace, first.id, old.values()) | records
    return {
        change: tuple(
            ChangedRow(
                change=change,
                before=None if one is None else _text(old[one]),
                after=None if other is None else _text(new[other]),
                record_ids=tuple(records.get(other or one or "", ())),
            )
            for one, other in some
        )
        for change, some in pairs.items()
        if some
    }


def _text(row: FrozenRow) -> RowText:
    return RowText.of(row.record, row_id=row.row_id, split=row.split.value)


def _distributions(workspace: Workspace, first: Manifest, second: Manifest) -> list[Distribution]:
    one, other = (_counts(workspace, each) for each in (first, second))
    splits = [{split.value: n for split, n in each.splits.items()} for each in (first, second)]
    named = [makeup.side_by_side("split", *splits)]
    return named + [makeup.side_by_side(name, one[name], other[name]) for name in makeup.PROPERTIES]


LENGTHS = """
SELECT len(list_filter(messages, lambda message: message.role = 'assistant')),
       length(bin(length(instruction))) * (length(instruction) > 0)::INT,
       length(bin(length(response))) * (length(response) > 0)::INT,
       count(*)
FROM read_parquet($files)
GROUP BY ALL
"""  # one row per number of responses and binary logarithms of both lengths

ORIGINS = """
SELECT coalesce(source, ''), coalesce(licence, $not_said), coalesce(language, $not_said), count(*)
FROM (
    SELECT DISTINCT ON (row_id) source, licence, language
    FROM read_parquet($files)
    ORDER BY row_id, source, coalesce(line, 0)
)
GROUP BY ALL
"""  # one row per source, licence and language; of a row that came in several times, the first one counts


def _counts(workspace: Workspace, stated: Manifest) -> Counts:
    """How all rows of a version divide, counted in its files."""
    if stated.format == 1:
        return makeup.counts_of(row.record for row in rows(workspace, stated.id))
    counts: Counts = {name: Counter() for name in makeup.PROPERTIES}
    folder = folder_of(workspace, stated.id)
    paths = [path for split in Split for path in files.paths_of(folder, split)]
    with querying(stated.id) as connection:
        lengths = connection.execute(LENGTHS, {"files": [str(content) for content, _ in paths]}).fetchall()
        origins = connection.execute(
            ORIGINS, {"files": [str(origin) for _, origin in paths], "not_said": NOT_SAID}
        ).fetchall()
    for responses, instruction, response, n in lengths:
        counts["responses"][str(responses)] += n
        counts["instruction characters"][_group(instruction)] += n
        counts["response characters"][_group(response)] += n
    for source, licence, language, n in origins:
        counts["source"][source] += n
        counts["licence"][licence] += n
        counts["language"][language] += n
    return counts


def _group(bits: int) -> str:
    return makeup.length_group(2**bits - 1 if bits else 0)


def _rule_hits(workspace: Workspace, stated: Manifest, row_ids: Sequence[str]) -> Counter[str]:
    judged = some_rows(workspace, stated.id, sorted(row_ids)[:_JUDGED])
    return makeup.rule_counts((row.record for row in judged.values()), rules.default_rules())
