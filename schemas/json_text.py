"""JSON as text that a program can carry without changing it: key order kept, numbers as they were written.

Tool definitions and the arguments of tool calls are JSON that a model reads. Parsed values would not do: a float has no
`1e400`, a database may round a 70-bit integer, and PostgreSQL sorts keys. So they are held as text, in one form (no
white space between tokens, no needless escapes) so that the same JSON is the same text.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn


class WrittenNumber(float):
    """A number that Python would write differently; `written` is how the source wrote it."""

    written: str

    def __new__(cls, written: str) -> WrittenNumber:
        """The number that `written` stands for; infinite where a float cannot hold it."""
        number = super().__new__(cls, written)
        number.written = written
        return number


def loads(text: str) -> Any:
    """The value of a JSON text; `dumps` writes its numbers as they stand in the text.

    Raises:
        ValueError: It is not JSON, a key stands twice in one object, or it is nested too deeply.

    Example:
        >>> dumps(loads('{"b": 1e400, "a": [-0, 1.50]}'))
        '{"b":1e400,"a":[-0,1.50]}'
    """
    try:
        return json.loads(
            text, parse_float=_float, parse_int=_int, parse_constant=_refuse_constant, object_pairs_hook=_object
        )
    except RecursionError as error:
        raise ValueError("the JSON is nested too deeply") from error


def dumps(value: Any) -> str:
    """The JSON text of a value: no white space, keys in their order, text unescaped where JSON allows it.

    Raises:
        ValueError: The value has no JSON form (a NaN, a key that is not text), or it is nested too deeply.
    """
    try:
        return _write(value)
    except RecursionError as error:
        raise ValueError("the JSON is nested too deeply") from error


def _write(value: Any) -> str:
    if isinstance(value, WrittenNumber):
        return value.written
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise ValueError("a key of a JSON object is text")
        return "{" + ",".join(f"{_write(key)}:{_write(each)}" for key, each in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(map(_write, value)) + "]"
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except TypeError as error:
        raise ValueError(f"{type(value).__name__} has no JSON form") from error


def _float(written: str) -> float:
    number = float(written)
    return number if repr(number) == written else WrittenNumber(written)


def _int(written: str) -> float:
    try:
        number = int(written)
    except ValueError:  # Python refuses integers of thousands of digits
        return WrittenNumber(written)
    return number if str(number) == written else WrittenNumber(written)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return value
