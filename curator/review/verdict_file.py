"""Verdicts from a file: what a reviewer wrote beside the opaque ids of pairs, read and stored row by row."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import orjson
from pydantic import ValidationError

from curator.access import require
from curator.errors import CuratorError, ReviewError
from curator.review import verdicts
from curator.review.verdicts import Given
from curator.workspace import Workspace
from schemas.account import Right
from schemas.judgement import DEFECTS, Judgement, Relation
from schemas.review import VerdictsReport

_SHOWN = 20


def import_verdicts(workspace: Workspace, file: Path, *, reviewer: str, by_script: bool = False) -> VerdictsReport:
    """Store the verdicts of a JSON lines file. Returns how many were new and how many rows could not be used.

    Args:
        workspace: Where the pairs are.
        file: Rows with `pair`, `a` and, for a pair of two outputs, `b`; each a word or an object, as `judgement_of`
            reads it; for two swapped prompts also `relation`.
        reviewer: Who judged.
        by_script: A program judged under this name; that is shown, but decides nothing.

    Raises:
        ReviewError: The file cannot be read.
    """
    require(workspace, reviewer, Right.REVIEW)
    try:
        lines = file.read_bytes().splitlines()
    except OSError as error:
        raise ReviewError(f"{file} cannot be read: {error.strerror}.", hint="Check the path.") from error
    given: list[tuple[int, Given]] = []
    problems: list[tuple[int, str]] = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                given.append((number, _given(line)))
            except CuratorError as error:
                problems.append((number, error.problem))
    results = verdicts.give_many(workspace, [each for _, each in given], reviewer=reviewer, by_script=by_script)
    for (number, _), result in zip(given, results, strict=True):
        if isinstance(result, CuratorError):
            problems.append((number, result.problem))
    return VerdictsReport(
        stored=sum(result is True for result in results),
        known=sum(result is False for result in results),
        refused=len(problems),
        problems=tuple(f"Line {number}: {problem}" for number, problem in sorted(problems)[:_SHOWN]),
    )


def _given(line: bytes) -> Given:
    hint = 'Write {"pair": ..., "a": ...}, with "b" where there are two outputs.'
    try:
        row = orjson.loads(line)
        second = row.get("b")
        relation = row.get("relation")
        if relation is not None and relation not in get_args(Relation):
            raise ReviewError(f"{relation!r} is not a relation.", hint=f"Say {', '.join(get_args(Relation))}.")
        first = judgement_of(row["a"])
        return Given(str(row["pair"]), first, None if second is None else judgement_of(second), relation)
    except orjson.JSONDecodeError as error:
        raise ReviewError(f"This is not valid JSON: {error}.", hint=hint) from error
    except (AttributeError, KeyError, TypeError) as error:
        raise ReviewError("This is not an object with pair, a and, for two outputs, b.", hint=hint) from error


def judgement_of(said: object) -> Judgement:
    """The judgement that a word like `fine`, `broken` or `harmful:3+biased` stands for.

    An object says more: `verdict` is such a word, and `hazards`, `spans`, `claims` and `note` may stand beside it, as
    `Judgement` has them. A claim that is contradicted makes the output unfactual.

    Raises:
        ReviewError: It stands for none.

    Example:
        >>> judgement_of("harmful:3+biased").defects
        ('harmful', 'biased')
    """
    if isinstance(said, dict):
        return _detailed(said)
    hint = "Say fine, or broken, unfactual, biased and harmful:SEVERITY (1 to 4), several joined by +."
    fields: dict[str, object] = {}
    for word in str(said).split("+"):
        name, _, severity = word.strip().partition(":")
        if name not in ("fine", *DEFECTS) or (bool(severity) and name != "harmful"):
            raise ReviewError(f"{said!r} is not a verdict.", hint=hint)
        fields[name] = True
        if severity:
            fields["severity"] = severity
    try:
        return Judgement.model_validate(fields)
    except ValidationError as error:
        raise ReviewError(f"{said!r} is not a verdict: {error.errors()[0]['msg']}.", hint=hint) from error


def _detailed(said: dict[str, Any]) -> Judgement:
    hint = (
        "Beside verdict an object may have hazards, spans (start, end, defect), claims (text, verdict, evidence), note."
    )
    fields = {name: value for name, value in said.items() if name != "verdict"}
    claims = fields.get("claims")
    contradicted = isinstance(claims, list) and any(
        isinstance(claim, dict) and claim.get("verdict") == "contradicted" for claim in claims
    )
    word = said.get("verdict", "unfactual" if contradicted else None)
    plain = judgement_of(str(word)).model_dump(exclude={"hazards", "spans", "claims", "note"})
    if contradicted:
        plain |= {"fine": False, "unfactual": True}
    if not set(fields) <= {"hazards", "spans", "claims", "note"}:
        raise ReviewError(f"{said!r} is not a verdict.", hint=hint)
    try:
        return Judgement.model_validate(plain | fields)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ReviewError(f"{place or 'This'} is not a verdict: {first['msg']}.", hint=hint) from error
