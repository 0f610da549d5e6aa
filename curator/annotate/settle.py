"""What the answers of one or several people make of a record: its state and its final text. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from schemas.annotation import Answer, RecordState
from schemas.project import Project
from schemas.questions import RATING, QuestionSet, Value
from schemas.record import Record


class Problem(NamedTuple):
    """Why an answer cannot be submitted yet."""

    question: str
    """Id of the question, or `response`."""
    text: str


class Settlement(NamedTuple):
    """What a record becomes."""

    state: RecordState
    final: Record | None
    differences: tuple[str, ...] = ()
    """What people disagree about: `accept`, `response`, `preference`, or ids of questions."""


def problems(answer: Answer, record: Record, questions: QuestionSet) -> list[Problem]:
    """Everything that keeps an answer from being submitted; empty when it is complete."""
    if answer.reject is not None:
        return []
    listed = []
    calls_tools = any(m.tool_calls for m in record.messages[-1:])  # such a response may have no words
    if not answer.response.strip() and not calls_tools:
        listed.append(Problem("response", "The response is empty. Write one, or flag the record for a lead."))
    if record.alternative is not None and answer.preference is None:
        listed.append(Problem("preference", "Say which of the two responses is better."))
    if answer.trains is not None:
        listed += _problems_of_switches(answer.trains, record)
    known = {question.id: question for question in questions.questions}
    for question in questions.questions:
        if question.if_edited and answer.response == record.response:
            continue
        if question.id == RATING and record.alternative is not None:  # the better of two is asked instead
            continue
        value = answer.value(question.id)
        if question.required and (value is None or value in ("", ())):
            listed.append(Problem(question.id, f"“{question.title}” needs an answer."))
        elif value is not None and question.kind != "text":
            values = value if isinstance(value, tuple) else (str(value),)
            unknown = [each for each in values if question.option(each) is None]
            if unknown or (question.kind == "choices") != isinstance(value, tuple):
                listed.append(Problem(question.id, f"“{question.title}” has no option {', '.join(unknown) or value}."))
    strange = sorted(set(answer.values) - set(known))
    listed += [Problem(name, f"There is no question {name} in this project.") for name in strange]
    for detail in answer.details:
        if detail.check not in answer.checks.ticked:
            listed.append(Problem("checks", f"A detail speaks of {detail.check}, which is not ticked."))
        elif detail.end is not None and detail.end > len(answer.response):
            listed.append(Problem("checks", f"The passage of {detail.check} ends behind the end of the response."))
    return listed


def _problems_of_switches(trains: tuple[bool, ...], record: Record) -> list[Problem]:
    if len(trains) != len(record.messages):
        return [Problem("trains", "The training switches do not fit the messages.")]
    if any(on and message.role != "assistant" for on, message in zip(trains, record.messages, strict=True)):
        return [Problem("trains", "Only responses can carry loss.")]
    if not any(trains):
        return [Problem("trains", "No response would be trained. Leave one switched on, or reject the record.")]
    return []


def reasons_to_keep_out(answer: Answer, project: Project) -> list[str]:
    """Why a record with this answer would not be accepted; empty when it would."""
    if answer.reject is not None:
        return [f"it is rejected as {answer.reject}"]
    reasons = [f"{name.replace('_', ' ')} is ticked" for name in answer.checks.ticked]
    if answer.rating is not None and answer.rating < project.min_rating:
        reasons.append(f"the rating {answer.rating} is below {project.min_rating}")
    if answer.preference is not None and answer.preference.choice == "both bad":
        reasons.append("both responses are bad")
    for question in project.questions.own:
        value = answer.values.get(question.id)
        values = value if isinstance(value, tuple) else () if value is None else (str(value),)
        for each in values:
            option = question.option(each)
            if each in question.keeps_out and option is not None:
                reasons.append(f"{question.title}: {option.label}")
    return reasons


def judges_the_record(answer: Answer, questions: QuestionSet) -> bool:
    """Whether an answer speaks of the record as a whole; one given elsewhere may speak of a single question."""
    asked = questions.by_id(RATING)
    needs_rating = asked is not None and asked.required
    return bool(answer.rating or answer.reject or answer.preference or answer.checks.ticked or not needs_rating)


def final_of(record: Record, answer: Answer) -> Record:
    """A record with what an answer says about its text, its training switches and its two responses."""
    final = record.with_response(answer.response)
    if answer.trains is not None:
        switched = tuple(m.trains(on) for m, on in zip(final.messages, answer.trains, strict=True))
        final = final.model_copy(update={"messages": switched})
    if answer.preference is None or record.alternative is None:
        return final
    better, worse = answer.response, record.alternative
    if answer.preference.choice == "alternative":
        better, worse = record.alternative, record.response
    if answer.preference.choice == "tie" or better == worse:
        return final.model_copy(update={"alternative": None})
    return final if answer.preference.choice == "both bad" else final.with_response(better).with_rejected(worse)


def settle(record: Record, answers: Sequence[Answer], project: Project) -> Settlement:
    """What a record becomes once every annotator has answered: accepted, rejected, or a conflict that a lead decides.

    Answers that judge no record count where people must agree on a question, and nowhere else; if there are no others,
    the record goes on waiting.
    """
    all_answers = answers
    answers = [answer for answer in all_answers if judges_the_record(answer, project.questions)]
    accepting = [not reasons_to_keep_out(answer, project) for answer in answers]
    differences = []
    if any(accepting) and not all(accepting):
        differences.append("accept")
    if all(accepting) and len({final_of(record, answer).model_dump_json() for answer in answers}) > 1:
        same_text = len({answer.response for answer in answers}) == 1
        differences.append("preference" if same_text and record.alternative is not None else "response")
    for question in project.questions.questions:
        values = {_comparable(value) for answer in all_answers if (value := answer.value(question.id)) is not None}
        if question.must_agree and len(values) > 1:
            differences.append(question.id)
    if differences:
        return Settlement(RecordState.CONFLICT, None, tuple(differences))
    if not answers:
        return Settlement(RecordState.WAITING, None)
    if all(accepting):
        return Settlement(RecordState.ACCEPTED, final_of(record, answers[-1]))
    return Settlement(RecordState.REJECTED, None)


def _comparable(value: Value) -> str:
    return "\n".join(sorted(value)) if isinstance(value, tuple) else str(value)
