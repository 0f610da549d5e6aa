"""A subset of a project's records by quality and diversity, with what it covers, always beside a random arm.

Whether choosing helps a model is not known beforehand: a few clean and diverse records were enough in LIMA (2023) and
AlpaGasus (2023), while at larger sizes most methods did not beat random choice (arXiv 2503.01807). So the same figures
stand beside as many records drawn at random, and both can be labelled, trained on and compared.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from curator.access import require
from curator.curate import bulk, text_space
from curator.curate.query import parse
from curator.errors import CurationError
from curator.quality import subset as choosing
from curator.store import acts, projects, qualities, selection
from curator.store import topics as text_store
from curator.workspace import Workspace
from schemas.account import Right
from schemas.act import Tag
from schemas.subset import Arm, SubsetRecipe, SubsetReport, TopicShare

_BEST_RATING = 5
_UNKNOWN = 0.5
"""Quality of a record about which nothing is known."""


def select(workspace: Workspace, recipe: SubsetRecipe, *, project: str | None = None) -> SubsetReport:
    """The records that a recipe chooses, as many drawn at random, and what both cover; nothing is changed.

    Args:
        workspace: Where the records are.
        recipe: What to choose from, how many, and what counts.
        project: Name; by default the first one.

    Raises:
        CurationError: Topics have not been counted, the query cannot be read, or it means too few records.
    """
    with workspace.read() as connection:
        meant = projects.by_name(connection, project)
        space = text_space.load(workspace, meant)
        keys = acts.keys_of(connection, selection.statement(connection, parse(recipe.query), meant.id))
        now = text_store.text_hashes(connection, meant.id)
        is_current = np.isin(space.ids, now.ids)
        is_current[is_current] = now.hashes[np.searchsorted(now.ids, space.ids[is_current])] == space.hashes[is_current]
        rows = np.flatnonzero(is_current & np.isin(space.ids, keys))
        rows = rows[np.argsort(space.hashes[rows], kind="stable")]  # so that ids and their order do not matter
        if len(rows) < recipe.count:
            raise CurationError(
                f"The query means {len(rows):,} records with vectors, fewer than {recipe.count:,}.",
                hint="Widen it, ask for fewer, or run `curator topics --count`.",
            )
        ids = space.ids[rows]
        lengths = qualities.response_lengths(connection, meant.id)
        quality, judged_by = _quality(
            ids, recipe, ratings=qualities.ratings(connection, meant.id),
            hits=qualities.rules_that_hit(connection, meant.id) if lengths else None, lengths=lengths,
        )  # fmt: skip
        import_of = qualities.imports_of(connection, meant.id)
    vectors, topic_of = np.asarray(space.vectors[rows]), space.topic_of[rows]
    chosen = choosing.choose(
        vectors, topic_of, quality, count=recipe.count, weight=recipe.quality, balance=recipe.balance
    )
    drawn = choosing.draw(space.hashes[rows], count=recipe.count, seed=recipe.seed)

    def arm(name: str, places: list[int]) -> Arm:
        counts = np.unique(topic_of[places], return_counts=True)[1]
        shares = counts / counts.sum()
        characters = [lengths.get(id, 0) for id in ids[places].tolist()]
        return Arm(
            name=name,
            records=len(places),
            topics=len(counts),
            even_topics=round(float(np.exp(-(shares * np.log(shares)).sum())), 2),
            imports=len({import_of[id] for id in ids[places].tolist() if id in import_of}),
            coverage=round(choosing.coverage(vectors, places), 4) if name != "all" else 1.0,
            quality=round(float(quality[places].mean()), 4),
            median_response=int(np.median(characters)) if lengths else None,
            responses=sum(characters) if lengths else None,
        )

    topics = [
        TopicShare(
            topic=space.topics.name(topic) if topic >= 0 else "without words",
            all=int((topic_of == topic).sum()),
            chosen=int((topic_of[chosen] == topic).sum()),
            random=int((topic_of[drawn] == topic).sum()),
        )
        for topic in np.unique(topic_of).tolist()
    ]
    return SubsetReport(
        recipe=recipe,
        project=meant.name,
        judged_by=judged_by,
        without=len(keys) - len(rows),
        arms=(arm("all", list(range(len(rows)))), arm("chosen", chosen), arm("random", drawn)),
        topics=tuple(sorted(topics, key=lambda each: (-each.all, each.topic))),
        chosen=tuple(str(id) for id in ids[chosen].tolist()),
        random=tuple(str(id) for id in ids[drawn].tolist()),
    )


def label(workspace: Workspace, report: SubsetReport, name: str, *, actor: str) -> tuple[str, str]:
    """Label the records of both arms, each by one bulk act that can be taken back. Returns the two queries for them.

    A third label of both, with `.recipe` behind the name, is the recipe: a version that holds the records says how they
    were chosen.

    Args:
        workspace: Where the records are.
        report: What was chosen.
        name: Of the label; the random arm has the same with `.random` behind it.
        actor: Who asks.

    Raises:
        CurationError: The name is empty.
    """
    require(workspace, actor, Right.CURATE)
    if not name.strip():
        raise CurationError("A subset needs a name.", hint="Name it after what it is for, as in round-1.")
    called, recipe = name.strip(), report.recipe.model_dump_json()
    for each, value, ids in ((called, "chosen", report.chosen), (f"{called}.random", "drawn", report.random)):
        labels: dict[str, str | None] = {each: value, f"{called}.recipe": recipe}
        bulk.select(workspace, ids, Tag(labels=labels), actor=actor, project=report.project)
    written = called.replace("\\", "\\\\").replace('"', '\\"')
    return f'label:"{written}=chosen"', f'label:"{written}.random=drawn"'


def _quality(
    ids: NDArray[np.int64],
    recipe: SubsetRecipe,
    *,
    ratings: dict[int, float],
    hits: dict[int, int] | None,
    lengths: dict[int, int],
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """The mean of what is known of each record, from 0 to 1, and what that is."""
    parts: dict[str, list[float]] = {}
    wanted = ids.tolist()
    if ratings:
        parts["rating"] = [ratings.get(id, _UNKNOWN * _BEST_RATING) / _BEST_RATING for id in wanted]
    if hits is not None:
        parts["rules"] = [1 / (1 + hits.get(id, 0)) for id in wanted]
    if lengths and (recipe.shortest or recipe.longest is not None):
        longest = recipe.longest if recipe.longest is not None else float("inf")
        parts["length"] = [float(recipe.shortest <= lengths.get(id, 0) <= longest) for id in wanted]
    if not parts:
        return np.full(len(ids), _UNKNOWN, np.float32), ()
    return np.mean([np.array(each, np.float32) for each in parts.values()], axis=0, dtype=np.float32), tuple(parts)
