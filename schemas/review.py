"""Frozen prompts, outputs that models gave to them, and what detectors and people say about those."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field, JsonValue, model_validator

from schemas.base import Schema
from schemas.judgement import Defect, Judgement, Relation
from schemas.record import Message, Text
from schemas.release import Gates

Category = Literal["task", "harm", "bias", "fact"]
"""What a prompt probes: whether the task is done, and the three ways in which an answer can be bad."""


class Prompt(Schema):
    """One prompt of a suite. It never trains: import, freeze and feedback refuse its text."""

    id: str
    prompt: Text = Field(min_length=1)
    """Text of the user message."""
    system: Text | None = None
    category: Category = "task"
    """What the prompt probes."""
    hazard: str | None = None
    """Key of `HAZARDS` that the prompt probes, where that is known."""
    reference: Text | None = None
    """A right answer, if there is one."""
    references: tuple[Text, ...] = ()
    """Further right answers."""
    incorrect: tuple[Text, ...] = ()
    """Known wrong answers."""
    swap: Text | None = None
    """Name that this prompt shares with one other of its suite, which asks the same about another group of people."""
    task: str | None = None
    """Name of the kind of task, for counts."""

    @property
    def right_answers(self) -> tuple[str, ...]:
        """All right answers that are known."""
        return self.references if self.reference is None else (self.reference, *self.references)

    @property
    def messages(self) -> tuple[Message, ...]:
        """The prompt as chat messages."""
        system = (Message(role="system", content=self.system),) if self.system else ()
        return (*system, Message(role="user", content=self.prompt))


class Suite(Schema):
    """A frozen list of prompts; its id is the hash of its content."""

    id: str
    name: str
    purpose: Literal["gate", "explore"] = "gate"
    """`gate`: its outputs decide about a release, so its prompts never train. `explore`: it looks for weak spots, its
    outputs decide nothing, and its prompts may become training records."""
    prompts: tuple[Prompt, ...] = Field(min_length=1)


class Decoding(Schema):
    """How text is generated. Stored with every output."""

    max_new_tokens: int = Field(default=128, ge=1)
    temperature: float = Field(default=0.0, ge=0)
    """0 is greedy decoding."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    seed: int = 0
    samples: int = Field(default=1, ge=1)
    """Outputs per prompt; sample i uses seed + i."""


ModelName = Literal["base", "tuned", "system"]
"""The two models of a run, or a system that was not trained here."""


class System(Schema):
    """What can be reviewed and decided about: the tuned model of a run beside its base, or a system without a run."""

    id: str
    """That of its run, where it has one."""
    name: str | None
    """Of a system without a run."""
    run_id: str | None
    project_id: int

    @property
    def target(self) -> ModelName:
        """The model about which a decision is made."""
        return "system" if self.run_id is None else "tuned"


class Output(Schema):
    """Text that a model generated for one prompt."""

    id: int
    system_id: str
    suite_id: str
    prompt: Prompt
    model: ModelName
    sample: int
    text: str
    tokens: int | None
    """Generated tokens, the terminator included; None for an output from elsewhere."""
    stopped: bool | None
    """True when the model ended by itself, False when it ran into `max_new_tokens`; None where that is not known."""
    decoding: Decoding | None
    """None for an output from elsewhere."""
    turns: tuple[Message, ...] | None = None
    """Of a conversation: every message after the prompt. `text` is then all that the model said in it."""


class SuiteSummary(Schema):
    """A suite as it is listed."""

    id: str
    name: str
    purpose: Literal["gate", "explore"]
    prompts: int


class SuiteMatch(Schema):
    """A record that holds a prompt of a suite, or the answer to one, in any wording."""

    record: str
    prompt: str
    """Id in the suite."""
    is_answer: bool
    """Its reference answer stands there, not the prompt."""


class AddedSuite(SuiteSummary):
    """A suite that was just frozen, with the records that share something with it; of a gate suite they never train."""

    matching_records: int = 0
    """Records in the workspace that hold one of its prompts or answers: whole, in other words around it, or nearly."""
    matches: tuple[SuiteMatch, ...] = ()
    """The first twenty of them."""


class FindingStatus(StrEnum):
    """Whether a detector could judge. An error is never a pass."""

    OK = "ok"
    ABSTAIN = "abstain"
    ERROR = "error"


class Finding(Schema):
    """What one detector says about one output."""

    detector: str
    version: str
    status: FindingStatus
    flag: bool | None = None
    """True: a person should look. None unless the status is `ok`."""
    score: float | None = None
    """Between 0 and 1, larger is worse. None unless the status is `ok`."""
    reason: str = ""
    """Why it was flagged, why the detector abstained, or the error."""
    evidence: JsonValue = None
    """Quoted spans or matched records."""

    @model_validator(mode="after")
    def _only_ok_judges(self) -> Finding:
        judged = self.flag is not None and self.score is not None
        if judged != (self.status is FindingStatus.OK):
            raise ValueError("flag and score are set when the status is ok, and only then")
        return self


class Verdict(Schema):
    """What a reviewer's entries in the ledger amount to, for one output."""

    output_id: int
    pair: str
    reviewer: str
    judgement: Judgement
    shown_as: Literal["A", "B"]
    """Side on which the output stood while the names were hidden."""
    at: datetime
    """UTC, of the newest entry."""
    by_script: bool = False
    """A program compared texts; that is shown, but decides nothing."""
    relation: Relation | None = None
    """Of two swapped prompts: how the answers to them compare."""
    blind: bool = True
    """False where the first verdict was given after the names were shown: its defects count, its "fine" does not."""
    adjudicates: bool = False
    """A third person settled by it what reviewers disagreed about."""
    lowered: bool = False
    """The reviewer took a critical severity back: another reviewer has to look."""
    removed: tuple[Defect, ...] = ()
    """Defects that the reviewer took back after they had gone on: they count until another person has judged it."""


class ReviewPair(Schema):
    """The outputs of one prompt, in the order in which this reviewer sees them; nothing in it tells whose they are."""

    id: str
    """Opaque: says nothing about model, suite or finding."""
    prompt: Prompt
    a: str
    """Text of the output on the left."""
    b: str | None
    """Text of the output on the right; None where a system is judged alone."""
    a_turns: tuple[Message, ...] = ()
    """Where the output on the left is a conversation: every message after the prompt."""
    b_turns: tuple[Message, ...] = ()
    b_prompt: Prompt | None = None
    """Of two swapped prompts: the one that the output on the right answers; `prompt` is then that of the left."""


class StoredPair(Schema):
    """Which outputs stand behind the id of a pair. Only programs read it, never a page that judges."""

    id: str
    system_id: str
    output_id: int
    """Of the model about which a decision is made."""
    other_id: int | None
    """Of the base model."""


StratumName = Literal["critical", "flagged", "unflagged"]


class Unit(Schema):
    """What counts once: a prompt with all its samples, its near copies and their samples, in one category."""

    category: Category
    suite: str
    """Name of the suite in which its first prompt stands."""
    stratum: StratumName
    prompts: tuple[str, ...]
    """`suite/id` of each."""
    pairs: tuple[str, ...]
    """Ids of the pairs that a reviewer has to judge: one for each text that differs."""
    planned: bool
    """Whether it was drawn."""


class PlannedStratum(Schema):
    """One line of a review plan."""

    suite: str
    category: Category
    stratum: StratumName
    total: int
    """Units in it."""
    planned: int
    """Of those, drawn to be judged."""
    probability: float
    """With which each was drawn."""


class Binding(Schema):
    """What a plan was drawn for. If any of it changes, the plan decides nothing any more."""

    gates: Gates
    suites: dict[str, str]
    """Name of every gate suite to the hash of its content."""
    decoding: dict[str, str]
    """Name of the suite to how its outputs were generated."""
    outputs: str
    """Over all outputs, word for word."""
    detectors: dict[str, str]
    """Each detector to its version."""
    findings: str
    """Over everything that they found."""
    version: str | None
    """The dataset version that the model was trained on."""
    checkpoint: str | None
    """Over the hashes of the files of the tuned model."""
    base: str | None
    """Over those of the base model."""


class Plan(Schema):
    """Which outputs people judge: drawn and stored before the first verdict."""

    id: str
    system_id: str
    sequential: bool
    """Judged in the order drawn until it suffices, under a bound that holds at every look; else all that is planned."""
    seed: int
    gates: Gates
    """The limits that bind: those of the project, or stricter ones that stood when there were verdicts already."""
    binding: Binding
    units: tuple[Unit, ...]
    """In the order drawn, in which pages show them."""
    answered: dict[str, tuple[int, int]]
    """Name of every gate suite to its prompts that have an output, and all its prompts."""
    trained: dict[str, tuple[str, ...]]
    """Name of a suite to the ids of its prompts that stand in training rows of the version."""
    unscreened: dict[str, int]
    """Detector to outputs that it has not judged."""
    looks: dict[Category, int]
    """How often a category was judged to the end under an earlier plan of the same system."""
    predecessor: str | None = None
    """The plan that this one replaces."""
    changes: tuple[str, ...] = ()
    """What differs from it, in words."""

    @property
    def pairs(self) -> tuple[str, ...]:
        """Ids of the pairs that people judge, in the order drawn."""
        return tuple(dict.fromkeys(pair for unit in self.units if unit.planned for pair in unit.pairs))

    @property
    def strata(self) -> tuple[PlannedStratum, ...]:
        """Units and planned units per suite, category and stratum."""
        cells: dict[tuple[Category, str, StratumName], list[int]] = {}
        whole: dict[tuple[Category, StratumName], list[int]] = {}
        for unit in self.units:
            for cell in (
                cells.setdefault((unit.category, unit.suite, unit.stratum), [0, 0]),
                whole.setdefault((unit.category, unit.stratum), [0, 0]),
            ):
                cell[0] += 1
                cell[1] += unit.planned
        return tuple(
            PlannedStratum(
                suite=suite,
                category=category,
                stratum=stratum,
                total=total,
                planned=planned,
                probability=whole[category, stratum][1] / whole[category, stratum][0],
            )
            for (category, suite, stratum), (total, planned) in sorted(cells.items())
        )


Choice = Literal["base", "tuned", "tie", "both bad"]


class Vote(Schema):
    """Which of two answers a voter prefers."""

    output_id: int
    """Of the tuned model; the base's answer is its partner."""
    voter: str
    choice: Choice
    shown_left: ModelName
    """Model that stood on the left while the names were hidden."""
    at: datetime
    """UTC."""


class VoteTally(Schema):
    """Blind votes on a run. A pair counts once: as most of its voters say, as a tie where they are even."""

    pairs: int
    """With at least one vote."""
    votes: int
    tuned: int
    base: int
    ties: int
    both_bad: int
    win_rate: float | None
    """Pairs for the tuned model over pairs for either; None while there is none."""
    lower: float | None
    """Two-sided 95 % Wilson interval."""
    upper: float | None


class OutputsReport(Schema):
    """Result of an import of outputs."""

    imported: int
    missing: int
    """Prompts of the suite that have no output of this model yet."""
    refused: int
    known: int
    """Outputs that were there already, word for word."""
    problems: tuple[str, ...]
    """Why rows were refused, the first twenty."""


class VerdictsReport(Schema):
    """Result of an import of verdicts."""

    stored: int
    """Pairs whose verdict is new or changed."""
    known: int
    """Pairs of which the reviewer had said the same before."""
    refused: int
    problems: tuple[str, ...]
    """Why rows were refused, the first twenty."""


class GenerationReport(Schema):
    """Result of a generation."""

    run: str
    suite: str
    outputs: int
    """Outputs that are stored for this run and suite."""
    new: int
    """Outputs that this call added."""


class ScreenReport(Schema):
    """Findings of a screening, counted by detector and status."""

    outputs: int
    counts: dict[str, dict[FindingStatus, int]]
    """Detector to status to number of findings."""
    flagged: dict[str, int]
    """Detector to number of findings that ask a person to look."""


class TaskScore(Schema):
    """How well base and tuned model solve the prompts of one task."""

    task: str
    measure: Literal["exact match", "field accuracy"]
    prompts: int
    base: float | None
    """Mean over the prompts, between 0 and 1; None without outputs."""
    tuned: float | None
