"""How far annotators agree, per question: from the answers of records that several people answered."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple

from curator.annotate.renamed_options import AnswerReader
from curator.annotate.settle import judges_the_record, reasons_to_keep_out
from curator.stats import agreement as stats
from curator.stats.agreement import Agreement
from curator.store import annotations as annotation_store
from curator.store import projects
from curator.workspace import Workspace
from schemas.annotation import Annotation
from schemas.project import Project
from schemas.questions import CHECKS, Question

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
    """Cohen's kappa of two people on one question."""

    first: str
    second: str
    question: str
    """Title."""
    records: int
    kappa: float
    """Of ratings weighted by the square of the distance."""


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
        reader = AnswerReader(connection, project_id)
        overlapping = list(annotation_store.overlapping(connection, project_id))
    by_record = [list(group) for _, group in itertools.groupby(overlapping, key=lambda each: each.record_id)]
    rows = [_accept(by_record, project, reader)]
    for question in project.questions.questions:
        if question.kind == "text" or question.if_edited:
            continue
        rows += _of_question(by_record, question, project, reader)
    return Report(
        records=len(by_record),
        people=len({each.annotator for each in overlapping}),
        questions=[row for row in rows if row.percent.records],
        pairs=_pairs(by_record, project, reader),
    )


def _accept(by_record: list[list[Annotation]], project: Project, reader: AnswerReader) -> QuestionAgreement:
    return _measured(_accepting(by_record, project, reader), "accept", None, _ACCEPT, positive=False)


_ACCEPT = "Accepted or kept out"


def _accepting(by_record: list[list[Annotation]], project: Project, reader: AnswerReader) -> list[dict[str, bool]]:
    return [
        {
            each.annotator: not reasons_to_keep_out(reader.present(each), project)
            for each in group
            if judges_the_record(each.answer, project.questions)
        }
        for group in by_record
    ]


def _of_question(
    by_record: list[list[Annotation]], question: Question, project: Project, reader: AnswerReader
) -> Iterable[QuestionAgreement]:
    if question.kind == "choices":
        for option in question.options:
            ratings = [_ticked(group, option.value, question, project, reader) for group in by_record]
            yield _measured(ratings, question.id, option.value, f"{question.title}: {option.label}", positive=True)
        return
    level: stats.Level = "ordinal" if question.kind == "rating" else "nominal"
    yield _measured(
        _answered(by_record, question, reader),
        question.id,
        None,
        question.title,
        level=level,
        categories=len(question.options),
    )


def _answered(by_record: list[list[Annotation]], question: Question, reader: AnswerReader) -> list[dict[str, Hashable]]:
    """What each person said, ratings as numbers; an annotator who left the question open is not in it."""
    answered: list[dict[str, Hashable]] = []
    for group in by_record:
        values = {each.annotator: reader.value(each, question.id) for each in group}
        texts = {person: str(value) for person, value in values.items() if value is not None}
        answered.append({person: int(text) if question.kind == "rating" else text for person, text in texts.items()})
    return answered


def _ticked(
    group: list[Annotation], option: str, question: Question, project: Project, reader: AnswerReader
) -> dict[str, bool]:
    """Who ticked an option; an unticked check is an answer where the record was judged, and not just rejected."""
    values = {each.annotator: reader.value(each, question.id) for each in group if each.answer.reject is None}
    judged = {each.annotator for each in group if judges_the_record(each.answer, project.questions)}
    return {
        person: isinstance(value, tuple) and option in value
        for person, value in values.items()
        if (person in judged if question.id == CHECKS else value is not None)
    }


def _measured(
    ratings: Sequence[Mapping[str, Hashable]],
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


def _pairs(by_record: list[list[Annotation]], project: Project, reader: AnswerReader) -> list[PairAgreement]:
    """Kappa of every two people, on acceptance and on each question with one answer."""
    tables: list[tuple[str, bool, Sequence[Mapping[str, Hashable]]]] = [
        (_ACCEPT, False, _accepting(by_record, project, reader))
    ]
    for question in project.questions.questions:
        if question.kind in ("rating", "choice"):
            tables.append((question.title, question.kind == "rating", _answered(by_record, question, reader)))
    pairs = []
    for title, is_rating, ratings in tables:
        common: dict[tuple[str, str], list[tuple[Hashable, Hashable]]] = {}
        for rating in ratings:
            for first, second in itertools.combinations(sorted(rating), 2):
                common.setdefault((first, second), []).append((rating[first], rating[second]))
        for (first, second), values in sorted(common.items()):
            if len(values) < _PAIR_NEEDS:
                continue
            kappa = stats.cohen_kappa(*zip(*values, strict=True), weights="quadratic" if is_rating else None)
            if kappa is not None:
                pairs.append(PairAgreement(first, second, title, len(values), kappa))
    return pairs
