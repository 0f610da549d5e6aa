"""The profile of a project: counts, lengths and what the rules found, over every record that is not deleted.

Records are read once, in batches that any engine counts, and only counts are kept, so memory does not grow with the
project. Nothing is changed. `checks` keeps a profile together with the facts that it rests on.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise

from curator.curate import stages
from curator.curate.engine import EngineName, engine
from curator.curate.stages import Asked, Batch, Tally
from curator.quality import rules
from curator.quality.rules import Rule
from curator.store import Connection, facts, projects, records
from curator.store.records import StoredRecord, TextNow
from curator.workspace import Workspace
from schemas.profile import Bin, Count, Profile, RuleCount, RuleExample, Spread

_EXAMPLES = 5
"""Records named for each rule: the first ones."""
_BATCH = 1_000


def profile(
    workspace: Workspace,
    *,
    project: str | None = None,
    asked: Sequence[Rule] | None = None,
    examples: int = _EXAMPLES,
    run_on: EngineName = EngineName.HERE,
    workers: int | None = None,
    address: str | None = None,
) -> Profile:
    """What a project's records look like, as they stand now.

    Args:
        workspace: Where they are.
        project: Name; by default the first one.
        asked: Rules to ask; by default those that are on.
        examples: How many records to name for each rule.
        run_on: Where records are counted; the profile is the same.
        workers: Processes or tasks at a time; by default one per core.
        address: Of the Ray cluster.
    """
    chosen = rules.default_rules() if asked is None else tuple(asked)
    found = _Found(chosen, examples)
    under_way: deque[list[TextNow]] = deque()

    def batches(connection: Connection, project_id: int) -> Iterator[Batch]:
        after = ""
        while following := facts.next_records(connection, project_id, enough=(), after=after, limit=_BATCH):
            after = following[-1].record_id
            under_way.append(records.texts_now(connection, [each.record_id for each in following]))
            texts = tuple(each.json for each in under_way[-1])
            yield Batch(texts, (False,) * len(texts))

    with workspace.read() as connection, engine(run_on, workers=workers, address=address) as run:
        project_id = projects.by_name(connection, project).id
        for counted in run(partial(stages.count, rules=chosen), batches(connection, project_id)):
            found.add(under_way.popleft(), counted)
    return found.profile()


class _Found:
    """What was counted so far."""

    def __init__(self, asked: tuple[Rule, ...], examples: int) -> None:
        self._asked = asked
        self._most_examples = examples
        self._tally = Tally.empty()
        self._states: Counter[str] = Counter()
        self._hits: Counter[str] = Counter()
        self._examples: dict[str, list[RuleExample]] = {rule.name: [] for rule in asked}
        self._failed: Counter[str] = Counter()
        self._errors: dict[str, str] = {}

    def add(self, texts: Sequence[TextNow], counted: stages.Counted) -> None:
        """Add a batch. Returns nothing."""
        self._tally.add(counted.tally)
        self._states.update(each.state.value for each in texts)
        for text, asked in zip(texts, counted.records, strict=True):
            self._add_answers(text.record_id, asked)

    def _add_answers(self, record_id: str, asked: Asked) -> None:
        self._hits.update(asked.hits)
        for rule, (place, quote) in asked.example.items():
            if len(self._examples[rule]) < self._most_examples:
                self._examples[rule].append(RuleExample(record_id=record_id, place=place, quote=quote))
        self._failed.update(asked.failed.keys())
        for rule, error in asked.failed.items():
            self._errors.setdefault(rule, error)

    def profile(self) -> Profile:
        """Everything that was counted."""
        counts = [
            _rule_count(
                rule,
                records=self._hits[rule.name],
                examples=self._examples[rule.name],
                failed=self._failed[rule.name],
                error=self._errors.get(rule.name),
            )
            for rule in self._asked
        ]
        return _profile(self._tally, self._states, counts)


def of_facts(
    connection: Connection,
    project_id: int,
    *,
    tally: Tally,
    states: Mapping[str, int],
    rules_asked: Sequence[Rule],
    model: str | None,
) -> Profile:
    """The profile of a project whose rules were asked before, with the hits that are stored.

    Args:
        connection: An open transaction.
        project_id: Of the project.
        tally: What was counted on its records.
        states: Records by state.
        rules_asked: Those that were asked.
        model: Name of the model whose tokens were counted, if they were.
    """
    tallied = {(each.rule, each.revision): each for each in facts.tallied(connection, project_id)}
    counts = []
    for rule in rules_asked:
        found = tallied.get((rule.name, rule.revision), facts.Tallied(rule.name, rule.revision, hits=0, failed=0))
        ids = facts.examples(connection, project_id, rule.name, rule.revision, most=_EXAMPLES) if found.hits else []
        counts.append(
            _rule_count(
                rule,
                records=found.hits,
                examples=[_example(records.get(connection, record_id), rule) for record_id in ids],
                failed=found.failed,
                error=facts.first_error(connection, project_id, rule.name, rule.revision) if found.failed else None,
            )
        )
    return _profile(tally, Counter(states), counts, model=model)


def _example(stored: StoredRecord, rule: Rule) -> RuleExample:
    """A record that a rule hits; what it goes by is told of rules whose time is known."""
    hits = rules.check(stored.now, (rule,)).hits if rules.is_shipped(rule) else ()
    place, quote = (hits[0].place, hits[0].quote) if hits else ("record", "")
    return RuleExample(record_id=stored.id, place=place, quote=quote)


def _profile(tally: Tally, states: Counter[str], counts: Sequence[RuleCount], *, model: str | None = None) -> Profile:
    asked = {each.rule for each in counts}
    return Profile(
        records=sum(states.values()),
        states=_counts(states),
        sources=_counts(tally.sources),
        licences=_counts(tally.licences),
        languages=_counts(tally.languages),
        shapes=_counts(tally.shapes),
        messages=_spread(tally.messages),
        prompt_characters=_spread(tally.prompts),
        response_characters=_spread(tally.responses),
        tokens=_spread(tally.tokens),
        tokenizer=model if tally.tokens else None,
        total_tokens=sum(n * count for n, count in tally.tokens.items()) if tally.tokens else None,
        turns=_bins(tally.messages, _TURNS),
        prompt_lengths=_bins(tally.prompts, _LENGTHS),
        response_lengths=_bins(tally.responses, _LENGTHS),
        token_lengths=_bins(tally.tokens, _LENGTHS),
        rules=tuple(counts),
        off=tuple(sorted({rule.name for rule in rules.every_rule()} - asked)),
    )


def _rule_count(
    rule: Rule, *, records: int, examples: Sequence[RuleExample], failed: int, error: str | None
) -> RuleCount:
    precision = rules.precision_of(rule.name)
    return RuleCount(
        rule=rule.name,
        title=rule.title,
        level=rule.level.value,
        records=records,
        precision=precision and precision.share,
        judged=precision.judged if precision else 0,
        examples=tuple(examples),
        failed=failed,
        error=error,
    )


def _counts(counter: Mapping[str, int] | Mapping[str | None, int]) -> tuple[Count, ...]:
    ordered = sorted(counter.items(), key=lambda item: (-item[1], item[0] or ""))
    return tuple(Count(value=value, records=count) for value, count in ordered)


def _spread(lengths: Counter[int]) -> Spread | None:
    if not lengths:
        return None
    ordered = sorted(lengths.items())
    total = sum(lengths.values())

    def at(share: float) -> int:
        place, passed = min(total - 1, int(share * total)), 0
        for length, count in ordered:
            passed += count
            if place < passed:
                return length
        return ordered[-1][0]

    return Spread(least=ordered[0][0], p5=at(0.05), median=at(0.5), p95=at(0.95), most=ordered[-1][0])


_TURNS = (2, 3, 4, 5, 6, 8, 10, 15, 20, 50, 100)
_LENGTHS = (0, *(step * 10**power for power in range(7) for step in (1, 2, 5)))
"""Where bins begin; each step is about twice the one before, as lengths of texts are spread over decades."""


def _bins(lengths: Counter[int], starts: Sequence[int]) -> tuple[Bin, ...]:
    """Records in bins, from the first that holds one to the last."""
    if not lengths:
        return ()
    edges = [*starts, max(max(lengths) + 1, starts[-1] + 1)]
    bins = [
        Bin(start=start, end=end, records=sum(n for length, n in lengths.items() if start <= length < end))
        for start, end in pairwise(edges)
    ]
    held = [place for place, each in enumerate(bins) if each.records]
    return tuple(bins[held[0] : held[-1] + 1])
