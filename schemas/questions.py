"""What annotators are asked: questions with their wording, and how a change of them is classed."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field, ValidationInfo, model_validator

from schemas.base import Schema
from schemas.record import Text

RATING = "rating"
CHECKS = "checks"
EDIT_REASONS = "edit_reasons"
NOTE = "note"

Value = int | str | tuple[str, ...]
"""What an annotator answered: a rating, the value of one option, values of several, or text."""


ACTION_KEYS = {
    "a": "Accept as is", "x": "Reject", "s": "Skip", "f": "Flag", "z": "Undo", "e": "Into the editor", "d": "Next view",
    "i": "Guideline", "k": "Keys", "h": "Harmful", "u": "Unfactual", "b": "Biased", "p": "With personal data",
    ".": "Earlier messages", ",": "Rendered",
}  # fmt: skip
"""Letters that do something else on the labelling screen, until an annotator gives an action another one."""
STREAMLIT_KEYS = ("c", "r")
"""Letters that Streamlit takes, with every modifier."""

STORED = {"stored": True}
"""Validation context of questions that come from the database: a key that is no longer allowed must not hide them."""


class Option(Schema):
    """One possible answer."""

    value: str = Field(pattern=r"^[a-z0-9_]+$")
    """What is stored; never changed, only renamed by a mapping."""
    label: Text
    key: str | None = Field(default=None, pattern=r"^[a-z0-9]$")
    """Letter that chooses it, see `ACTION_KEYS`; the options of a rating are chosen by their own digit."""


class Question(Schema):
    """One question about a record."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    kind: Literal["rating", "choice", "choices", "text"]
    title: Text
    required: bool = False
    options: tuple[Option, ...] = ()
    """Of a rating, a choice or choices; those of a rating are numbers in rising order."""
    guide: Text = ""
    """The rule that is shown while the question has the focus."""
    safety: bool = False
    """A question about harm: a suggestion for it is shown, never chosen beforehand."""
    keeps_out: tuple[str, ...] = ()
    """Options that keep a record out of versions."""
    if_edited: bool = False
    """Asked only when the response was changed."""
    must_agree: bool = False
    """When several people answer a record, differing answers to this question need a decision."""

    @model_validator(mode="after")
    def _options_fit(self) -> Question:
        values = [option.value for option in self.options]
        if self.kind == "text" and values:
            raise ValueError(f"question {self.id}: a text has no options")
        if self.kind != "text" and len(values) < 2 - (self.kind == "choices"):
            raise ValueError(f"question {self.id}: too few options")
        if len(set(values)) < len(values):
            raise ValueError(f"question {self.id}: two options have the same value")
        if self.kind == "rating" and not all(value.isdigit() for value in values):
            raise ValueError(f"question {self.id}: the options of a rating are numbers")
        unknown = set(self.keeps_out) - set(values)
        if unknown:
            raise ValueError(f"question {self.id}: keeps_out names {sorted(unknown)}, which are no options")
        return self

    def option(self, value: str) -> Option | None:
        """The option with this value."""
        return next((option for option in self.options if option.value == value), None)


def _options(**labels: str) -> tuple[Option, ...]:
    return tuple(
        Option(value=value, label=label.partition("|")[0], key=label.partition("|")[2] or None)
        for value, label in labels.items()
    )


BUILT_IN: tuple[Question, ...] = (
    Question(
        id=RATING,
        kind="rating",
        title="Quality of the final text",
        required=True,
        options=tuple(
            Option(value=str(n), label=word, key=str(n))
            for n, word in enumerate(("Poor", "Weak", "Fair", "Good", "Best"), 1)
        ),
        guide="Rate the text as it would be trained on, after your edit: 3 is good enough to learn from.",
    ),
    Question(
        id=CHECKS,
        kind="choices",
        title="The final text is",
        options=_options(
            harmful="Harmful|h", unfactual="Unfactual|u", biased="Biased|b", personal_data="With personal data|p"
        ),
        safety=True,
        keeps_out=("harmful", "unfactual", "biased", "personal_data"),
        guide="Tick what is wrong with the final text. Mend the text and leave it unticked; a ticked one is kept out.",
    ),
    Question(
        id=EDIT_REASONS,
        kind="choices",
        title="Why edited",
        options=_options(
            fact="Fact", tone="Tone", safety="Safety", format="Format", completeness="Completeness", language="Language"
        ),
        if_edited=True,
        guide="What was wrong with the draft. It becomes a reason beside the pair of texts.",
    ),
    Question(id=NOTE, kind="text", title="Note", guide="For those who read the record after you."),
)
"""Every project asks these; their ids stay, wording, guide and keys may change."""


class QuestionSet(Schema):
    """All questions of a project, in the order in which they are asked."""

    questions: tuple[Question, ...] = BUILT_IN

    @model_validator(mode="after")
    def _built_in_stay(self) -> QuestionSet:
        ids = [question.id for question in self.questions]
        if len(set(ids)) < len(ids):
            raise ValueError("two questions have the same id")
        missing = {question.id for question in BUILT_IN} - set(ids)
        if missing:
            raise ValueError(f"questions {', '.join(sorted(missing))} are missing; every project asks them")
        for built_in in BUILT_IN:
            asked = self.by_id(built_in.id)
            if asked is not None and (asked.kind, _values(asked)) != (built_in.kind, _values(built_in)):
                raise ValueError(f"question {built_in.id}: its kind and the values of its options stay")
        return self

    @model_validator(mode="after")
    def _keys_are_free(self, info: ValidationInfo) -> QuestionSet:
        if info.context == STORED:
            return self
        taken: dict[str, str] = {}
        for question in self.questions:
            for option in question.options:
                if option.key is None:
                    continue
                problem = _key_problem(question, option)
                if problem is None and option.key in taken and question.kind != "rating":
                    problem = f"chooses {taken[option.key]}, too. Give one of them another letter."
                if problem is not None:
                    raise ValueError(f"Question {question.id}, option {option.value}: key {option.key} {problem}")
                taken[option.key] = f"option {option.value} of question {question.id}"
        return self

    @property
    def own(self) -> tuple[Question, ...]:
        """The questions that only this project asks."""
        built_in = {question.id for question in BUILT_IN}
        return tuple(question for question in self.questions if question.id not in built_in)

    def by_id(self, question_id: str) -> Question | None:
        """The question with this id."""
        return next((question for question in self.questions if question.id == question_id), None)


def _key_problem(question: Question, option: Option) -> str | None:
    """Why an option cannot have its key, with the next step."""
    key = option.key or ""
    built_in = next((each for each in BUILT_IN if each.id == question.id), None)
    known = None if built_in is None else built_in.option(option.value)
    if known is not None and known.key is not None:
        return None if key == known.key else f"is not {known.key}. Leave it; annotators change theirs with K."
    if question.kind == "rating":
        return None if key == option.value else "is not its number. Leave it out; digits choose on a scale."
    if key.isdigit():
        return "is a digit, and digits are for ratings. Use a letter, or none."
    if key in STREAMLIT_KEYS:
        return "belongs to Streamlit. Use another letter, or none."
    if key in ACTION_KEYS:
        return f"does “{ACTION_KEYS[key]}”. Use another letter, or none."
    return None


def _values(question: Question) -> tuple[str, ...]:
    return tuple(option.value for option in question.options)


class ChangeClass(StrEnum):
    """What a change of questions means for answers that were given before."""

    COMPATIBLE = "compatible"
    """Wording, order, a new optional question, a new option: earlier answers stand as they are."""
    MAPPING = "mapping"
    """A rename or a merge: earlier answers are read through a recorded map."""
    BREAKING = "breaking"
    """Something was removed, split or newly required: the records whose answers it touches go to review again."""


class OptionMapping(Schema):
    """Option `old` of a question is read as `new`; several old ones with the same new one are merged."""

    question: str
    old: str
    new: str


class Change(Schema):
    """A change of questions, classed, with the answers that it touches."""

    kind: ChangeClass
    reasons: tuple[str, ...]
    """One sentence per difference."""
    mappings: tuple[OptionMapping, ...] = ()
    answers: int
    """Answers that stand and hold something that the change speaks of."""
    people: int
    """Who gave them."""
    records: int
    """Records that go to review again when the change is breaking."""
