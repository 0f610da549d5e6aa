"""How far annotators agree, per question: from the answers of records that several people answered."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterable, Mapping
from typing import NamedTuple

from curator.annotate.questions import Reader
from curator.annotate.settle import reasons_to_keep_out
from curator.stats import agreement as stats
from curator.stats.agreement import Agreement
from curator.store import annotations as register
from curator.store import projects
from curator.workspace import Workspace
from schemas.annotation import Annotation
from schemas.project import Project
from schemas.questions import CHECKS, Question, Value

_PAIR_NEEDS = 10
"""Records that two people must have in common before their kappa is shown."""


class QuestionAgreement(NamedTuple):
    """Agreement on one question, or on one option of a question that takes several."""

    question: str
    """Id of the question; `accept` for whether the record would be accepted."""
    option: str | None
    title: str
    level: stats.Level
    """Of alpha: `ordinal` for ratings, `nominal` for everything else."""
    percent: Agreement
    alpha: Agreement
    ac1: Agreement
    positive: Agreement | None
    """Of yes-or-no questions: on the rarer, positive side."""


class PairAgreement(NamedTuple):
    """Cohen's kappa of two people."""

    first: str
    second: str
    records: int
    accept: float | None
    """On whether the record would be accepted; None without variation."""
    rating: float | None
    """On the rating, weighted by the square of the distance."""


class Report(NamedTuple):
    """Agreement in one project."""

    records: int
    """Answered by at least two people."""
    people: int
    questions: list[QuestionAgreement]
    pairs: list[PairAgreement]


def report(workspace: Workspace, *, project_id: int) -> Report:
    """Agreement on every question, answers read in the words of today, and of every two people."""
    with workspace.read() as connection:
        project = projects.by_id(connection, project_id)
        reader = Reader(connection, project_id)
        found = list(register.overlapping(connection, project_id))
    by_record = [list(group) for _, group in itertools.groupby(found, key=lambda each: each.record_id)]
    rows = [_accept(by_record, project)]
    for question in project.questions.questions:
        if question.kind == "text" or question.if_edited:
            continue
        rows += _of_question(by_record, question, reader)
    return Report(
        records=len(by_record),
        people=len({each.annotator for each in found}),
        questions=[row for row in rows if row.percent.records],
        pairs=_pairs(by_record, project, reader),
    )


def _accept(by_record: list[list[Annotation]], project: Project) -> QuestionAgreement:
    ratings = [{each.annotator: not reasons_to_keep_out(each.answer, project) for each in group} for group in by_record]
    return _measured(ratings, "accept", None, "Accepted or kept out", positive=False)


def _of_question(by_record: list[list[Annotation]], question: Question, reader: Reader) -> Iterable[QuestionAgreement]:
    given = [{each.annotator: reader.value(each, question.id) for each in group} for group in by_record]
    if question.kind == "choices":
        for option in question.options:
            ratings = [_ticked(values, option.value, question) for values in given]
            yield _measured(ratings, question.id, option.value, f"{question.title}: {option.label}", positive=True)
        return
    answered = [{person: value for person, value in values.items() if value is not None} for values in given]
    if question.kind == "rating":
        numbers = [{person: int(str(value)) for person, value in values.items()} for values in answered]
        size = len(question.options)
        yield _measured(numbers, question.id, None, question.title, level="ordinal", categories=size)
    else:
        chosen = [{person: str(value) for person, value in values.items()} for values in answered]
        yield _measured(chosen, question.id, None, question.title, categories=len(question.options))


def _ticked(values: Mapping[str, Value | None], option: str, question: Question) -> dict[str, bool]:
    """Who ticked an option; an unticked check is an answer, an open question of the project's own is none."""
    return {
        person: option in value if isinstance(value, tuple) else False
        for person, value in values.items()
        if value is not None or question.id == CHECKS
    }


def _measured(
    ratings: list[dict[str, Hashable]] | list[dict[str, int]] | list[dict[str, bool]] | list[dict[str, str]],
    question: str,
    option: str | None,
    title: str,
    *,
    level: stats.Level = "nominal",
    categories: int = 2,
    positive: bool | None = None,
) -> QuestionAgreement:
    return QuestionAgreement(
        question,
        option,
        title,
        level,
        percent=stats.measure(ratings, "percent"),
        alpha=stats.measure(ratings, "alpha", level=level),
        ac1=stats.measure(ratings, "ac1", categories=categories),
        positive=None if positive is None else stats.measure(ratings, "positive", positive=positive),
    )


def _pairs(by_record: list[list[Annotation]], project: Project, reader: Reader) -> list[PairAgreement]:
    common: dict[tuple[str, str], list[tuple[Annotation, Annotation]]] = {}
    for group in by_record:
        for one, other in itertools.combinations(sorted(group, key=lambda each: each.annotator), 2):
            common.setdefault((one.annotator, other.annotator), []).append((one, other))
    found = []
    for (first, second), answers in sorted(common.items()):
        if len(answers) < _PAIR_NEEDS:
            continue
        accepted = [[not reasons_to_keep_out(each.answer, project) for each in pair] for pair in answers]
        rated = [
            [int(str(value)) for value in values]
            for pair in answers
            if None not in (values := [reader.value(each, "rating") for each in pair])
        ]
        accept = stats.cohen_kappa(*zip(*accepted, strict=True))
        rating = stats.cohen_kappa(*zip(*rated, strict=True), weights="quadratic") if rated else None
        found.append(PairAgreement(first, second, len(answers), accept, rating))
    return found
