"""Readers of files with outputs: our own rows (JSON lines, JSON, CSV), logs of inspect_ai, samples of lm-eval.

A reader tells rows and says in words why one cannot be used; it knows no suite. Formats as their programs write them:
inspect_ai `.eval` (a zip of `samples/*.json`) and `.json`; lm-evaluation-harness `--log_samples`, one row per document
and filter.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, get_args

import orjson
from pydantic import ValidationError

from curator.errors import ReviewError
from schemas.record import Message, Role

_LARGEST_FIELD = 64 * 1024 * 1024
"""Bytes of one field or sample; what is larger is no output, and a zip could hold it in a few bytes."""
_LARGEST_FILE = 2 * 1024 * 1024 * 1024
_ROLES = frozenset(get_args(Role))
_MORE_ROLES = {"model": "assistant", "gpt": "assistant", "human": "user", "function": "tool"}


class Row(NamedTuple):
    """One output as a file tells it."""

    place: str
    """Where it stands, as the first words of a sentence."""
    prompt_id: str | None
    asked: str | None
    """What the model was asked, with anything that stood before it; None where the file does not say."""
    text: str
    """What the model said; of a conversation all that it said."""
    sample: int
    turns: tuple[Message, ...] | None = None
    """Everything after the prompt, where that is more than one message."""
    stopped: bool | None = None


class _UnusableError(Exception):
    """A row that cannot be used, with the reason as the end of a sentence."""


def read_rows(file: Path) -> Iterator[Row | str]:
    """Every row of a file, or in words why it cannot be used.

    Raises:
        ReviewError: The file cannot be read, or is none of the known formats.
    """
    try:
        if file.suffix.lower() == ".eval":
            yield from _inspect_archive(file)
        elif file.suffix.lower() == ".csv":
            yield from _csv(file)
        elif file.suffix.lower() == ".json":
            yield from _json(file)
        else:
            yield from _lines(file)
    except OSError as error:
        raise ReviewError(f"{file} cannot be read: {error.strerror}.", hint="Check the path.") from error


def _lines(file: Path) -> Iterator[Row | str]:
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = orjson.loads(line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line)
            except orjson.JSONDecodeError as error:
                yield f"Line {number} is not valid JSON: {error}."
            else:
                yield from _rows_of(row, f"Line {number}")


def _json(file: Path) -> Iterator[Row | str]:
    """A list of rows, or a log of inspect_ai."""
    _refuse_larger(file, file.stat().st_size, _LARGEST_FILE)
    try:
        content = orjson.loads(file.read_bytes())
    except orjson.JSONDecodeError as error:
        raise ReviewError(f"{file.name} is not valid JSON: {error}.", hint="Name JSON lines `.jsonl`.") from error
    if isinstance(content, dict) and isinstance(content.get("samples"), list):
        for sample in content["samples"]:
            yield _told(_inspect_sample, sample, _place_of_sample(sample))
    elif isinstance(content, list):
        for number, row in enumerate(content, 1):
            yield from _rows_of(row, f"Row {number}")
    else:
        raise ReviewError(
            f"{file.name} holds neither a list of rows nor the samples of an inspect_ai log.",
            hint="A log must be written with its samples: leave out `--no-log-samples`.",
        )


def _csv(file: Path) -> Iterator[Row | str]:
    _refuse_larger(file, file.stat().st_size, _LARGEST_FILE)
    csv.field_size_limit(_LARGEST_FIELD)
    try:
        text = file.read_bytes().decode("utf-8-sig")
        table = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        names = table.fieldnames or ()
        if "prompt_id" not in names or "output" not in names:
            raise ReviewError(
                f"{file.name} has no columns prompt_id and output; it has {', '.join(names) or 'none'}.",
                hint="Name the columns so.",
            )
        for row in table:
            yield from _rows_of({name: value for name, value in row.items() if value != ""} | {
                "output": row["output"]
            }, f"Line {table.line_num}")  # fmt: skip
    except UnicodeDecodeError as error:
        raise ReviewError(f"{file.name} is not UTF-8: {error}.", hint="Save it as UTF-8.") from error
    except csv.Error as error:
        raise ReviewError(f"{file.name} is not CSV: {error}.", hint="Quote texts that hold commas.") from error


def _inspect_archive(file: Path) -> Iterator[Row | str]:
    try:
        with zipfile.ZipFile(file) as archive:
            members = [each for each in archive.infolist() if _is_sample(each.filename)]
            if not members:
                raise ReviewError(
                    f"{file.name} holds no samples.", hint="Write the log with samples: leave out `--no-log-samples`."
                )
            _refuse_larger(file, sum(each.file_size for each in members), _LARGEST_FILE)
            for member in members:
                place = f"Sample {member.filename.removeprefix('samples/')}"
                if member.file_size > _LARGEST_FIELD:
                    yield f"{place}: it is larger than {_LARGEST_FIELD // 2**20} MiB."
                    continue
                try:
                    sample = orjson.loads(archive.read(member))
                except orjson.JSONDecodeError as error:
                    yield f"{place}: it is not valid JSON: {error}."
                else:
                    yield _told(_inspect_sample, sample, place)
    except (zipfile.BadZipFile, EOFError) as error:
        raise ReviewError(f"{file.name} is not a log of inspect_ai: {error}.", hint="Check the file.") from error
    except NotImplementedError as error:  # compressed in a way that this Python does not know
        raise ReviewError(
            f"{file.name} cannot be unpacked: {error}.",
            hint="Convert it with `inspect log convert --to json`, and import that.",
        ) from error


def _is_sample(name: str) -> bool:
    return name.startswith("samples/") and name.endswith(".json")


def _rows_of(row: Any, place: str) -> Iterator[Row | str]:
    """The outputs of one row: several where it holds several samples of one prompt."""
    if not isinstance(row, Mapping):
        yield f"{place} is not an object."
    elif "resps" in row and "doc_id" in row:
        yield from _lm_eval(row, place)
    else:
        yield _told(_own, row, place)


def _told(read: Any, row: Any, place: str) -> Row | str:
    try:
        told: Row = read(row, place)
    except _UnusableError as error:
        return f"{place}: {error}."
    if "\x00" in told.text or any("\x00" in turn.content for turn in told.turns or ()):
        return f"{place}: the output holds a NUL character, which no database can store."
    return told


def _own(row: Mapping[str, Any], place: str) -> Row:
    if "prompt_id" not in row or ("output" not in row and "messages" not in row):
        raise _UnusableError("it has no prompt_id, or no text in output")
    sample = row.get("sample", 0)
    if isinstance(sample, str) and sample.isdecimal():  # a table has no numbers
        sample = int(sample)
    if not isinstance(sample, int) or isinstance(sample, bool) or sample < 0:
        raise _UnusableError(f"sample {sample!r} is not a number from 0 on")
    asked = row["prompt"] if isinstance(row.get("prompt"), str) else None
    if "messages" not in row:
        text = row["output"]
        if not isinstance(text, str):
            raise _UnusableError("its output is not text")
        return Row(place, str(row["prompt_id"]), asked, text, sample)
    turns = _messages(row["messages"])
    said = _after_prompt(turns)
    return _conversation(
        Row(place, str(row["prompt_id"]), _last_user(turns[: len(turns) - len(said)]), "", sample), said
    )


def _conversation(row: Row, said: tuple[Message, ...]) -> Row:
    """A row with what was said after its prompt: one response, or several turns."""
    spoken = [turn.content for turn in said if turn.role == "assistant"]
    if not spoken:
        raise _UnusableError("no message of it is the assistant's")
    return row._replace(text="\n\n".join(spoken), turns=said if len(said) > 1 else None)


def _after_prompt(turns: tuple[Message, ...]) -> tuple[Message, ...]:
    """What follows the first user message, or everything where the assistant speaks first."""
    for place, turn in enumerate(turns):
        if turn.role == "assistant":
            return turns[place:]
    return ()


def _last_user(turns: Iterable[Message]) -> str | None:
    asked = [turn.content for turn in turns if turn.role == "user"]
    return asked[-1] if asked else None


def _messages(value: Any, attachments: Mapping[str, str] | None = None) -> tuple[Message, ...]:
    if not isinstance(value, list) or not value:
        raise _UnusableError("its messages are not a list")
    return tuple(_message(each, attachments or {}) for each in value)


def _message(value: Any, attachments: Mapping[str, str]) -> Message:
    if not isinstance(value, Mapping):
        raise _UnusableError("a message is not an object")
    role = str(value.get("role", value.get("from", "")))
    role = _MORE_ROLES.get(role, role)
    if role not in _ROLES:
        raise _UnusableError(f"role {role!r} is unknown")
    content = _text_of(value.get("content", value.get("value", "")), attachments)
    for call in value.get("tool_calls") or ():
        content += f"\n[calls {_name_of_call(call)}]"
    try:
        return Message.model_validate(
            {"role": role, "content": content.strip("\n") if value.get("tool_calls") else content}
        )
    except ValidationError as error:
        raise _UnusableError(f"a message cannot be stored: {error.errors()[0]['msg']}") from error


def _name_of_call(call: Any) -> str:
    """A call of a tool in a line: what the model did belongs to what people judge."""
    if not isinstance(call, Mapping):
        return str(call)
    function = call.get("function")
    named = function if isinstance(function, Mapping) else call
    name = named.get("name", function if isinstance(function, str) else "a tool")
    arguments = named.get("arguments", {})
    plain = arguments if isinstance(arguments, str) else orjson.dumps(arguments, default=str).decode()
    return f"{name}: {plain}"


def _text_of(content: Any, attachments: Mapping[str, str]) -> str:
    """Text of a message, whose parts may be of other kinds; a model's private reasoning is not what it said."""
    if content is None:
        return ""
    if isinstance(content, str):
        name = content.removeprefix("attachment://")
        return attachments.get(name, content) if name != content else content
    if isinstance(content, list):
        parts = []
        for part in content:
            kind = part.get("type") if isinstance(part, Mapping) else None
            if kind == "text":
                parts.append(_text_of(part.get("text"), attachments))
            elif kind != "reasoning":
                parts.append(f"[{kind or 'something that is not text'}]")
        return "\n".join(parts)
    raise _UnusableError("a message holds something that is not text")


def _place_of_sample(sample: Any) -> str:
    return f"Sample {sample.get('id')!r}" if isinstance(sample, Mapping) else "A sample"


def _inspect_sample(sample: Any, place: str) -> Row:
    """One sample of a log of inspect_ai (`EvalSample`): the last output, or the conversation after the input."""
    if not isinstance(sample, Mapping):
        raise _UnusableError("it is not an object")
    if sample.get("error"):
        raise _UnusableError("it ended with an error, so the model gave no answer")
    attachments = sample.get("attachments")
    known = attachments if isinstance(attachments, Mapping) else {}
    output = sample.get("output")
    choices = output.get("choices") if isinstance(output, Mapping) else None
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], Mapping):
        raise _UnusableError("it holds no output")
    answer = _message({"role": "assistant", **_mapping(choices[0].get("message"))}, known)
    given = sample.get("input")
    asked = _text_of(given, known) if isinstance(given, str) else _last_user(_messages(given, known))
    epoch = sample.get("epoch", 1)
    if not isinstance(epoch, int) or epoch < 1:
        raise _UnusableError(f"epoch {epoch!r} is not a number from 1 on")
    stopped = {"stop": True, "max_tokens": False}.get(str(choices[0].get("stop_reason")))
    row = Row(place, str(sample.get("id")), asked, "", epoch - 1, None, stopped)
    said = _after_prompt(_messages(sample["messages"], known)) if sample.get("messages") else ()
    return _conversation(row, said if len(said) > 1 else (answer,))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _lm_eval(row: Mapping[str, Any], place: str) -> Iterator[Row | str]:
    """One document of lm-eval: its first request, each repeat a sample of its own."""
    responses = row["resps"]
    repeats = responses[0] if isinstance(responses, list) and responses else None
    repeats = repeats if isinstance(repeats, list) else [repeats]
    if not repeats or not all(isinstance(each, str) for each in repeats):
        yield f"{place}: it holds likelihoods of given answers, not text that a model wrote."
        return
    document = row.get("doc")
    known = _mapping(document)
    named = next((str(known[name]) for name in ("prompt_id", "id") if name in known), None)
    asked = _asked_of(row.get("arguments"))
    for sample, text in enumerate(repeats):
        yield _told(lambda told, _: told, Row(place, named, asked, text, sample), place)


def _asked_of(arguments: Any) -> str | None:
    """The context of the first request, as either generation of lm-eval writes it; of a chat the last user message."""
    if isinstance(arguments, Mapping):
        first = arguments.get("gen_args_0")
        value = first.get("arg_0") if isinstance(first, Mapping) else None
    else:
        first = arguments[0] if isinstance(arguments, list) and arguments else None
        value = first[0] if isinstance(first, list) and first else first
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, str):
        return None
    if value.lstrip().startswith("["):
        try:
            chat = orjson.loads(value)
            return _last_user(_messages(chat)) or value
        except (orjson.JSONDecodeError, _UnusableError):
            return value
    return value


def _refuse_larger(file: Path, size: int, most: int) -> None:
    if size > most:
        raise ReviewError(f"{file.name} holds more than {most // 2**30} GiB.", hint="Split it into several files.")
