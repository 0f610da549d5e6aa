"""The profile of a project: counts, lengths and what the rules found, over every record that is not deleted.

Records are read once, in the order of the files that hold them, and only counts are kept, so memory does not grow with
the project. Nothing is changed.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence

from curator.quality import rules
from curator.quality.rules import Rule
from curator.store import projects, records
from curator.store.records import StoredRecord
from curator.workspace import Workspace
from schemas.profile import Count, Profile, RuleCount, RuleExample, Spread
from schemas.record import Record

_EXAMPLES = 5
"""Records named for each rule: the first ones."""


def profile(
    workspace: Workspace, *, project: str | None = None, asked: Sequence[Rule] | None = None, examples: int = _EXAMPLES
) -> Profile:
    """What a project's records look like, as they stand now.

    Args:
        workspace: Where they are.
        project: Name; by default the first one.
        asked: Rules to ask; by default those that are on.
        examples: How many records to name for each rule.
    """
    chosen = rules.default_rules() if asked is None else tuple(asked)
    tally = _Tally(chosen, examples)
    with workspace.read() as connection:
        for stored in records.every(connection, projects.by_name(connection, project).id):
            tally.add(stored)
    return tally.profile()


class _Tally:
    """Counts so far."""

    def __init__(self, asked: tuple[Rule, ...], examples: int) -> None:
        self._asked = asked
        self._most_examples = examples
        self._states: Counter[str | None] = Counter()
        self._sources: Counter[str | None] = Counter()
        self._licences: Counter[str | None] = Counter()
        self._languages: Counter[str | None] = Counter()
        self._shapes: Counter[str | None] = Counter()
        self._messages, self._prompts, self._responses = array("q"), array("q"), array("q")
        self._hits: Counter[str] = Counter()
        self._examples: dict[str, list[RuleExample]] = {rule.name: [] for rule in asked}
        self._failed: Counter[str] = Counter()
        self._errors: dict[str, str] = {}

    def add(self, stored: StoredRecord) -> None:
        """Count one record."""
        record = stored.final or stored.content
        self._states[stored.state.value] += 1
        self._sources[record.origin.source] += 1
        self._licences[record.licence] += 1
        self._languages[record.language] += 1
        self._shapes[shape_of(record)] += 1
        self._messages.append(len(record.messages))
        self._prompts.append(sum(len(message.content) for message in record.context))
        self._responses.append(len(record.response))
        answers = rules.check(record, self._asked)
        hit = set()
        for each in answers.hits:
            if each.rule in hit:
                continue
            hit.add(each.rule)
            if len(self._examples[each.rule]) < self._most_examples:
                example = RuleExample(record_id=stored.id, place=each.place, quote=each.quote)
                self._examples[each.rule].append(example)
        self._hits.update(hit)
        for name, error in answers.failed:
            self._failed[name] += 1
            self._errors.setdefault(name, error)

    def profile(self) -> Profile:
        """Everything that was counted."""
        return Profile(
            records=len(self._messages),
            states=_counts(self._states),
            sources=_counts(self._sources),
            licences=_counts(self._licences),
            languages=_counts(self._languages),
            shapes=_counts(self._shapes),
            messages=_spread(self._messages),
            prompt_characters=_spread(self._prompts),
            response_characters=_spread(self._responses),
            rules=tuple(self._rule(rule) for rule in self._asked),
            off=tuple(sorted({rule.name for rule in rules.every_rule()} - {rule.name for rule in self._asked})),
        )

    def _rule(self, rule: Rule) -> RuleCount:
        precision = rules.precision_of(rule.name)
        return RuleCount(
            rule=rule.name,
            title=rule.title,
            level=rule.level.value,
            records=self._hits[rule.name],
            precision=precision and precision.share,
            judged=precision.judged if precision else 0,
            examples=tuple(self._examples[rule.name]),
            failed=self._failed[rule.name],
            error=self._errors.get(rule.name),
        )


def shape_of(record: Record) -> str:
    """What kind of training example a record is."""
    if record.alternative is not None:
        return "undecided"
    if record.desirable is not None:
        return "kto"
    if record.rejected:
        return "preference"
    if record.tools or any(message.tool_calls for message in record.messages):
        return "tools"
    return "turns" if sum(message.role == "assistant" for message in record.messages) > 1 else "pair"


def _counts(counter: Counter[str | None]) -> tuple[Count, ...]:
    ordered = sorted(counter.items(), key=lambda item: (-item[1], item[0] or ""))
    return tuple(Count(value=value, records=count) for value, count in ordered)


def _spread(lengths: array[int]) -> Spread | None:
    if not lengths:
        return None
    ordered = sorted(lengths)

    def at(share: float) -> int:
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    return Spread(least=ordered[0], p5=at(0.05), median=at(0.5), p95=at(0.95), most=ordered[-1])
