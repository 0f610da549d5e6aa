"""Exports of annotation tools: fields and answers of a row laid out flat, as any other shape reads them.

Argilla keeps what people saw in `fields` and what they answered in `responses`; Label Studio keeps `data` and
`annotations`. Flat, every field and every question is a column: the answer that was submitted, else the one that was
suggested. Answers that are not text become labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas import json_text

_LABEL_LENGTH = 40
Flat = tuple[dict[str, Any], dict[str, str]]
"""Columns of a row, and the labels that people gave."""


def is_argilla(values: Mapping[str, Any]) -> bool:
    """Whether a row is Argilla's: a record (`fields`, `responses`), or one of its data sets with flat columns."""
    if isinstance(values.get("fields"), dict):
        return isinstance(values.get("responses"), dict | list) or isinstance(values.get("suggestions"), dict | list)
    return any(column.endswith(".responses.users") or column.endswith("-suggestion-metadata") for column in values)


def is_label_studio(values: Mapping[str, Any]) -> bool:
    """Whether a row is a task of Label Studio."""
    return isinstance(values.get("data"), dict) and isinstance(values.get("annotations"), list)


def flat_argilla(values: Mapping[str, Any]) -> Flat:
    """A row of Argilla with a column for every field and question."""
    if not isinstance(values.get("fields"), dict):
        return _flat_data_set(values)
    columns = _object(values.get("metadata")) | values["fields"]
    return _with_answers(columns, _suggested(values.get("suggestions")) | _responses(values.get("responses")))


def _flat_data_set(values: Mapping[str, Any]) -> Flat:
    """A row of an Argilla data set, whose columns are flat but for what was answered."""
    metadata = {name.removeprefix("metadata."): value for name, value in values.items() if name.startswith("metadata.")}
    columns = {name: value for name, value in values.items() if not _is_about(name) and name not in _OURS}
    answers = {}
    for name in (name.removesuffix(".responses") for name in values if name.endswith(".responses")):
        responses = values[f"{name}.responses"] or [values.get(f"{name}.suggestion")]
        answers[name] = responses[0] if isinstance(responses, list) and responses else None
    for name, value in list(columns.items()):  # before version 2: the question itself is a list of responses
        if isinstance(value, list) and value and isinstance(value[0], dict) and "user_id" in value[0]:
            answers[name] = columns.pop(name)[0].get("value")
    return _with_answers(metadata | columns, answers)


_OURS = ("id", "status", "inserted_at", "updated_at", "_server_id", "external_id", "metadata")
"""Columns of Argilla that are neither fields nor questions."""


def _is_about(name: str) -> bool:
    endings = (".responses", ".users", ".status", ".suggestion", ".score", ".agent", "-suggestion", "-metadata")
    return name.endswith(endings) or name.startswith(("metadata.", "vectors."))


def _suggested(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return {name: each.get("value") if isinstance(each, dict) else each for name, each in value.items()}
    each_named = [each for each in _list(value) if isinstance(each, dict)]
    return {str(each.get("question_name")): each.get("value") for each in each_named if each.get("question_name")}


def _responses(value: Any) -> dict[str, Any]:
    """The first submitted answer to every question."""
    answers: dict[str, Any] = {}
    if isinstance(value, dict):
        for name, each in value.items():
            first = each[0] if isinstance(each, list) and each else each
            answers[name] = first.get("value") if isinstance(first, dict) else first
        return answers
    for response in _list(value):
        if isinstance(response, dict) and response.get("status", "submitted") == "submitted":
            for name, each in _object(response.get("values")).items():
                answers.setdefault(name, each.get("value") if isinstance(each, dict) else each)
    return answers


def flat_label_studio(values: Mapping[str, Any]) -> Flat:
    """A task of Label Studio with a column for every value of its data and every control of its newest annotation."""
    answers: dict[str, Any] = {}
    done = [each for each in values["annotations"] if isinstance(each, dict) and not each.get("was_cancelled")]
    newest = [*_list(values.get("predictions"))[-1:], *done[-1:]]
    for work in (each for each in newest if isinstance(each, dict)):
        for result in _list(work.get("result")):
            if isinstance(result, dict) and isinstance(result.get("value"), dict) and "from_name" in result:
                answers[str(result["from_name"])] = _label_studio_value(result)
    return _with_answers(dict(values["data"]), answers)


def _label_studio_value(result: Mapping[str, Any]) -> Any:
    value = result["value"]
    for name in (str(result.get("type")), "text", "choices", "rating", "number", "taxonomy", "selected"):
        if name in value:
            answer = value[name]
            return answer[0] if isinstance(answer, list) and len(answer) == 1 else answer
    return None


def _with_answers(columns: dict[str, Any], answers: Mapping[str, Any]) -> Flat:
    """Columns with the answers that are text; every answer that is short or a number is a label, too."""
    labels = {}
    for name, answer in answers.items():
        if isinstance(answer, str):
            columns[name] = answer
            if len(answer) <= _LABEL_LENGTH and "\n" not in answer:
                labels[name] = answer
        elif isinstance(answer, bool):
            labels[name] = "true" if answer else "false"
        elif isinstance(answer, int | float):
            labels[name] = json_text.dumps(answer)
        elif isinstance(answer, list) and all(isinstance(each, str) for each in answer):
            labels[name] = ", ".join(answer)
    return columns, labels


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
