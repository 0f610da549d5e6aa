"""Checks: the rules of a project asked about all of its records in the background, their answers kept, and switches.

The job reads every record, asks the rules about those whose answers are missing or old, and stores these facts with
the hash of the text that they were counted on. When it is through, it keeps the profile that it counted on the way.
"""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from curator import jobs
from curator.access import require
from curator.curate import profile as profiling
from curator.curate.engine import EngineName, engine
from curator.curate.stages import Asked, Batch, Tally
from curator.curate.stages import count as count_stage
from curator.errors import CurationError
from curator.jobs.kinds import kind
from curator.jobs.work import Work
from curator.quality import rules
from curator.quality.rules import Level, Rule
from curator.store import Connection, events, facts, projects, records
from curator.store.facts import Facts, Setting
from curator.workspace import Workspace
from schemas.account import Right
from schemas.event import Kind, of_project
from schemas.profile import Profile, RuleState, StoredProfile
from schemas.project import Project

CHECK = "check"
"""The kind of its jobs."""


def start(
    workspace: Workspace,
    *,
    project: Project,
    actor: str,
    run_on: EngineName = EngineName.HERE,
    workers: int | None = None,
    detach: bool = True,
) -> int:
    """Start asking the rules of a project about its records, unless that is under way. Returns the id of the job.

    Args:
        workspace: Where they are.
        project: Whose records.
        actor: Who asks.
        run_on: Where the rules run.
        workers: Processes or tasks at a time; by default one per core.
        detach: Start a process; else the caller calls `jobs.execute`.
    """
    require(workspace, actor, Right.CURATE)
    parameters = {"engine": run_on.value, "workers": workers}
    return jobs.start(
        workspace, CHECK, parameters, actor, project_id=project.id, key=f"check {project.id}", detach=detach
    )


def total(workspace: Workspace, *, project_id: int) -> int:
    """How many records a project has."""
    with workspace.read() as connection:
        return facts.count_records(connection, project_id)


def states(workspace: Workspace, *, project_id: int) -> list[RuleState]:
    """Every rule with its switch, its level, and how far its answers go."""
    with workspace.read() as connection:
        chosen = facts.settings(connection, project_id)
        total = facts.count_records(connection, project_id)
        sets = facts.asked_sets(connection)
        asked: Counter[tuple[str, str]] = Counter()
        for set_id, count in facts.coverage(connection, project_id).items():
            for each in sets[set_id].items():
                asked[each] += count
        tallied = {(each.rule, each.revision): each for each in facts.tallied(connection, project_id)}
    return [
        _state(rule, chosen.get(rule.name), asked[rule.name, rule.revision], total, tallied)
        for rule in rules.every_rule()
    ]


def _state(
    rule: Rule,
    setting: Setting | None,
    asked: int,
    total: int,
    tallied: dict[tuple[str, str], facts.Tallied],
) -> RuleState:
    precision = rules.precision_of(rule.name)
    found = tallied.get((rule.name, rule.revision))
    return RuleState(
        rule=rule.name,
        title=rule.title,
        level=setting.level if setting else rule.level.value,
        is_on=setting.is_on if setting else rules.is_on(rule),
        is_default=setting is None,
        precision=precision and precision.share,
        judged=precision.judged if precision else 0,
        asked=asked,
        total=total,
        hits=found.hits if found else 0,
        failed=found.failed if found else 0,
    )


def choose(
    workspace: Workspace,
    name: str,
    *,
    project_id: int,
    actor: str,
    is_on: bool | None = None,
    level: Level | None = None,
) -> None:
    """Switch a rule of a project on or off, or change its level; the log says who did. Returns nothing.

    Raises:
        CurationError: There is no such rule.
    """
    require(workspace, actor, Right.CURATE)
    [rule] = named([name])
    with workspace.write() as connection:
        projects.lock(connection, project_id)
        before = facts.settings(connection, project_id).get(name, Setting(rules.is_on(rule), rule.level.value))
        after = Setting(
            is_on=before.is_on if is_on is None else is_on, level=before.level if level is None else level.value
        )
        if after == before:
            return
        facts.choose(connection, project_id, name, after)
        detail = {"rule": name, **after._asdict()}
        events.append(connection, Kind.RULE, of_project(project_id), actor=actor, at=workspace.clock(), detail=detail)


def named(names: Sequence[str]) -> tuple[Rule, ...]:
    """Rules by their names.

    Raises:
        CurationError: There is no rule of a name.
    """
    try:
        return rules.rules_named(names)
    except ValueError as error:
        every = ", ".join(each.name for each in rules.every_rule())
        raise CurationError(str(error), hint=f"The rules are {every}.") from error


def rules_of(connection: Connection, project_id: int) -> tuple[Rule, ...]:
    """The rules that are on in a project, each with the level that it has there."""
    chosen = facts.settings(connection, project_id)
    on = []
    for rule in rules.every_rule():
        setting = chosen.get(rule.name, Setting(rules.is_on(rule), rule.level.value))
        if setting.is_on:
            on.append(rule._replace(level=Level(setting.level)))
    return tuple(on)


def latest(workspace: Workspace, *, project_id: int) -> StoredProfile | None:
    """The profile that was counted last, and how far the records went on since; None before the first."""
    with workspace.read() as connection:
        kept = facts.kept_profile(connection, project_id)
        if kept is None:
            return None
        wanted = _wanted(connection, projects.by_id(connection, project_id))
        behind = facts.count_uncounted(connection, project_id, enough=wanted.enough, tokenizer=wanted.tokenizer)
    return StoredProfile(profile=Profile.model_validate(kept[0]), at=kept[1], behind=behind)


class _Wanted(NamedTuple):
    """What has to be known of every record."""

    rules: tuple[Rule, ...]
    enough: frozenset[int]
    """Numbers of the sets of rules that hold all of them."""
    tokenizer_file: Path | None
    tokenizer: str | None
    """Hash of that file."""
    model: str | None
    """Name of the folder that it is in."""

    @property
    def revisions(self) -> dict[str, str]:
        """Of the rules, by name."""
        return {rule.name: rule.revision for rule in self.rules}


def _wanted(connection: Connection, project: Project) -> _Wanted:
    asked = rules_of(connection, project.id)
    needed = {(rule.name, rule.revision) for rule in asked}
    sets = facts.asked_sets(connection)
    enough = frozenset(set_id for set_id, revisions in sets.items() if needed <= revisions.items())
    file = None if project.base_model is None else Path(project.base_model) / "tokenizer.json"
    if file is None or not file.is_file():
        return _Wanted(asked, enough, None, None, None)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()[:32]
    return _Wanted(asked, enough, file, digest, file.parent.name)


class _Page(NamedTuple):
    """Records that are counted together."""

    texts: list[records.TextNow]
    is_known: tuple[bool, ...]

    @property
    def batch(self) -> Batch:
        """What the stage is given."""
        return Batch(tuple(each.json for each in self.texts), self.is_known)


@kind(CHECK)
def check(work: Work) -> dict[str, Any]:
    """Ask the rules about all records of the job's project, and keep the profile. Returns counts."""
    project_id = work.job.project_id
    if project_id is None:
        raise CurationError("The job names no project.", hint="Start it with `curator check`.")
    with work.workspace.write() as connection:
        project = projects.by_id(connection, project_id)
        wanted = _wanted(connection, project)
        set_id = facts.asked_id(connection, wanted.revisions)
        total = facts.count_records(connection, project_id)
    cursor = work.cursor or {"after": "", "states": {}, "tally": Tally.empty().plain()}
    tally, states = Tally.of_plain(cursor["tally"]), Counter(cursor["states"])
    stage = partial(count_stage, rules=wanted.rules, tokenizer=wanted.tokenizer_file)
    under_way: deque[_Page] = deque()

    def batches() -> Iterator[Batch]:
        for page in _pages(work, wanted, project_id, after=cursor["after"]):
            under_way.append(page)
            yield page.batch

    with engine(work.parameters["engine"], workers=work.parameters["workers"]) as run:
        for counted in run(stage, batches()):
            page = under_way.popleft()
            tally.add(counted.tally)
            states.update(each.state.value for each in page.texts)
            fresh = [
                _facts(text, asked, wanted)
                for text, asked, is_known in zip(page.texts, counted.records, page.is_known, strict=True)
                if not is_known
            ]
            with work.chunk() as chunk:
                facts.store(chunk.connection, fresh, set_id=set_id, revisions=wanted.revisions)
                chunk.done += len(page.texts)
                chunk.total = max(total, chunk.done)
                chunk.cursor = {"after": page.texts[-1].record_id, "states": states, "tally": tally.plain()}
    with work.chunk() as chunk:
        result = profiling.of_facts(
            chunk.connection, project_id, tally=tally, states=states, rules_asked=wanted.rules, model=wanted.model
        )
        facts.keep_profile(chunk.connection, project_id, result.model_dump(mode="json"), at=work.workspace.clock())
    return {"records": result.records, "hits": {each.rule: each.records for each in result.rules if each.records}}


def _pages(work: Work, wanted: _Wanted, project_id: int, *, after: str) -> Iterator[_Page]:
    """The records behind one, in the order of their ids."""
    while True:
        with work.workspace.read() as connection:
            following = facts.next_records(
                connection, project_id, enough=wanted.enough, tokenizer=wanted.tokenizer, after=after,
                limit=max(work.rows, _FEWEST),
            )  # fmt: skip
            texts = records.texts_now(connection, [each.record_id for each in following])
        if not following:
            return
        after = following[-1].record_id
        is_known = {each.record_id: each.is_counted for each in following}
        yield _Page(texts, tuple(is_known[each.record_id] for each in texts))


_FEWEST = 200
"""Records of a batch: fewer would not be worth sending."""


def _facts(text: records.TextNow, asked: Asked, wanted: _Wanted) -> Facts:
    return Facts(
        record_id=text.record_id,
        text_hash=text.text_hash,
        messages=asked.messages,
        characters=asked.characters,
        response_characters=asked.response_characters,
        tokens=asked.tokens,
        tokenizer=wanted.tokenizer,
        hits=asked.hits,
        failed=asked.failed,
    )
