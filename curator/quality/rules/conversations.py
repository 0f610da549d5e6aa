"""Rules on a record as a whole: instructions that ran together, what is missing beside them, turns in a strange order,
text of a template or of an encoding that went wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator

from curator.quality.rules.base import Level, Rule, Span, quoted
from schemas.record import Record

_MERGED = re.compile(
    r"(?:^|\n)\s*(?:#{1,3}\s*)?(?:\d{1,3}\s*[.)]\s*)?(?:instruction|input|output|response)\s*:\s*\S", re.IGNORECASE
)
_NUMBERED = re.compile(r"\n\s*\d{1,3}\s*[.)]\s*instruction\s*:", re.IGNORECASE)
_PICTURE = r"(?:image|picture|photo(?:graph)?|screenshot|video|audio|recording)"
_PAPER = r"(?:file|document|pdf|spreadsheet|table|article|passage|graph|chart)"
_NOT_ABOUT_IT = r"(?! (?:of|shoot|album|game|store|link|url|hours))"
_ATTACHMENT = re.compile(
    rf"\b(?:(?:attached|uploaded|enclosed) (?:{_PICTURE}|{_PAPER})\b"
    rf"|{_PICTURE}s? (?:above|below|attached|provided|given|shown)"
    r"|(?:describe|analy[sz]e|caption for|person in|people in|object in|objects in|animal in|shown in|see in|seen in)"
    rf" (?:the|this|that|these) (?:following |given |attached |provided )?{_PICTURE}s?\b{_NOT_ABOUT_IT}"
    rf"|(?:the|this|a) (?:following|given|provided|attached) {_PICTURE}s?\b{_NOT_ABOUT_IT}"
    r"|see (?:the )?attach(?:ed|ment))|[(\[<](?:attached )?(?:image|photo|picture)(?: of [^)\]>]{1,60})?[)\]>]",
    re.IGNORECASE,
)
_MARKER = re.compile(
    r"<\|(?:im_start|im_end|endoftext|end_of_text|begin_of_text|eot_id|start_header_id|end_header_id|user|assistant|"
    r"system|end|pad|eom_id)\|>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|\A<s>|</s>\s*\Z|<pad>|<unk>|"
    r"^\s*###\s*(?:Response|Instruction|Input|Human|Assistant|User)\s*:",
    re.MULTILINE,
)
_CODED = re.compile(r"</?s>[^\n]*</?(?:p|b|div|html|del)\b|strikethrough|html", re.IGNORECASE)
_TURN = re.compile(
    r"(?:^|\n)\s*(?:human|user|assistant|ai|bot|chatgpt)\s*:\s*\S[^\n]*\n(?:[^\n]*\n){0,3}?\s*"
    r"(?:human|user|assistant|ai|bot|chatgpt)\s*:",
    re.IGNORECASE,
)
_PLAYS = re.compile(r"dialog|conversation|script|chat|assist|interview|play|scene|turn", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd\ue000-\uf8ff]")
_MOJIBAKE = re.compile(
    "\u00c3[\u0080-\u00bf]|\u00e2\u20ac[\u2122\u0153\u009d\u201c\u201d\u00a2\u00a6]|\u00c2[\u00a0-\u00bf]"
)
_SYSTEM_QUOTED = 40
"""Characters of a system prompt that may stand in a response by chance."""


def _merged(record: Record) -> Iterator[Span]:
    for n, message in enumerate(record.messages):
        if message.role not in ("user", "assistant"):
            continue
        numbered = _NUMBERED.search(message.content)
        labels = {match[0].strip().split(":")[0].lower()[-6:] for match in _MERGED.finditer(message.content)}
        if numbered or (message.role == "assistant" and {"uction", "output"} <= labels):
            yield Span(n, quoted(message.content, numbered.start() if numbered else 0))


def _attachments(record: Record) -> Iterator[Span]:
    for n, message in enumerate(record.messages):
        if message.role == "user" and (match := _ATTACHMENT.search(message.content)):
            has_text = len(message.content) > 400 or re.search(r"https?://|data:image", message.content)
            if not has_text:
                yield Span(n, quoted(message.content, max(0, match.start() - 20)))


def _markers(record: Record) -> Iterator[Span]:
    for n, message in enumerate(record.messages):
        match = _MARKER.search(message.content)
        if match and "```" not in message.content and not _CODED.search(message.content):
            yield Span(n, quoted(message.content, match.start()))


def _turns(record: Record) -> Iterator[Span]:
    for n, message in enumerate(record.messages):
        if message.role == "assistant" and message.train and (match := _TURN.search(message.content)):
            wanted = next((m.content for m in reversed(record.messages[:n]) if m.role == "user"), "")
            if not _PLAYS.search(wanted):
                yield Span(n, quoted(message.content, match.start()))


def _control_characters(record: Record) -> Iterator[Span]:
    for n, message in enumerate(record.messages):
        if match := _CONTROL.search(message.content):
            yield Span(n, f"U+{ord(match[0]):04X} in {quoted(message.content, max(0, match.start() - 30))}")


def _wrong_encoding(record: Record) -> Iterator[Span]:
    for n, message in enumerate(record.messages):
        if not message.content.isascii() and (match := _MOJIBAKE.search(message.content)):
            yield Span(n, quoted(message.content, max(0, match.start() - 20)))


def _role_order(record: Record) -> Iterator[Span]:
    roles = [message.role for message in record.messages]
    for n, role in enumerate(roles):
        before = roles[n - 1] if n else None
        if role in ("system", "developer") and any(each not in ("system", "developer") for each in roles[:n]):
            yield Span(n, f"{role} after {before}")
        elif role == "user" and before == "user":
            yield Span(n, "user after user")
        elif role == "assistant" and before in (None, "system", "developer"):
            yield Span(n, "assistant before any user")
        elif role == "assistant" and before == "assistant":
            yield Span(n, "assistant after assistant")
        elif role == "tool" and not any(m.tool_calls for m in record.messages[:n]):
            yield Span(n, "tool without a call")
    if roles[-1] != "assistant":
        yield Span(len(roles) - 1, f"ends with {roles[-1]}")


def _leaked_system_prompt(record: Record) -> Iterator[Span]:
    prompts = [m.content.strip() for m in record.messages if m.role in ("system", "developer")]
    for n, message in enumerate(record.messages):
        if message.role == "assistant" and message.train:
            for prompt in prompts:
                if len(prompt) >= _SYSTEM_QUOTED and prompt in message.content:
                    yield Span(n, quoted(prompt))


RULES = (
    Rule(
        "merged-instructions",
        "Several instructions ran together in one message.",
        Level.ERROR,
        _merged,
        hint=r"(?i)instruction\s*:",
    ),
    Rule(
        "absent-attachment",
        "The instruction speaks of a picture that is not there.",
        Level.WARNING,
        _attachments,
        hint=r"(?i)image|picture|photo|screenshot|video|audio|recording|attach|uploaded|enclosed",
    ),
    Rule(
        "special-token",
        "A mark of a chat template stands in the text.",
        Level.ERROR,
        _markers,
        hint=r"<\||INST\]|SYS>>|_of_turn>|</?s>|<pad>|<unk>|###\s*[RIHAU]",
    ),
    Rule(
        "invented-turn",
        "The response goes on with turns of its own.",
        Level.WARNING,
        _turns,
        hint=r"(?i)\b(?:human|user|assistant|ai|bot|chatgpt)\s*:",
    ),
    Rule(
        "control-character",
        "A character shows nothing, or replaced another.",
        Level.WARNING,
        _control_characters,
        hint=r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x{fffd}\x{e000}-\x{f8ff}]",
    ),
    Rule(
        "wrong-encoding",
        "The text was read in the wrong encoding.",
        Level.WARNING,
        _wrong_encoding,
        hint=r"[\x{c3}\x{c2}\x{e2}]",
    ),
    Rule("role-order", "Messages stand in an order that chat templates refuse.", Level.WARNING, _role_order),
    Rule("leaked-prompt", "The response repeats the system prompt.", Level.WARNING, _leaked_system_prompt),
)
