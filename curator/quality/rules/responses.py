"""Rules on what an assistant says: responses that are empty, refused, cut off, damaged, or not what was asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from curator.quality.language import language_of
from curator.quality.rules.base import Level, Rule, Span, quoted
from schemas.record import Message, Record

_PLACEHOLDER = re.compile(
    r"\W*(?:n/?a|nan|null|none|nil|todo|tbd|fixme|xxx|empty|blank|undefined|placeholder|test|asdf+|"
    r"no ?(?:input|output|answer|response)|<(?:no)?(?:input|output|answer|response)>|"
    r"(?:insert|your|enter) (?:answer|response|output|text)(?: here)?|lorem ipsum.*)\W*",
    re.IGNORECASE | re.DOTALL,
)
_GAP = re.compile(
    r"\[(?i:insert|your|name of|company name|recipient|sender|date|placeholder|add|enter)\b[^\]\n]{0,60}\]"
    r"|(?i:\blorem ipsum\b)|\b(?:TODO|FIXME|XXX)\b"
)
_MEANS_GAPS = re.compile(r"template|\bform\b|fill in|html|web ?page|placeholder", re.IGNORECASE)
_CALLS_FOR_ONE_WORD = re.compile(
    r"\b(?:classif|categor|label|which|true or false|yes or no|identif|is it|does|name|find|what|fill|type|null|none|"
    r"n/?a|extract|answer with)",
    re.IGNORECASE,
)
_REFUSAL = re.compile(
    r"^\W*(?:(?:i['\u2019]?m (?:very |so |really )?sorry|sorry|i apologi[sz]e|unfortunately|my apologies)\b"
    r"[^.!?\n]{0,40}?\b)?(?:i|we)(?: am|['\u2019]m| are|['\u2019]re| was| wasn['\u2019]t)? ?"
    r"(?:cannot|can['\u2019]t|can not|unable|not able|able|not comfortable|will not|won['\u2019]t|"
    r"do(?: not|n['\u2019]t) (?:know how|have the (?:ability|capability|capacity)|feel comfortable))"
    r"\b(?! (?:wait|stop|help but|believe|imagine|afford|remember|tell you how|thank))",
    re.IGNORECASE,
)
_AI_MODEL = re.compile(
    r"\bas an? (?:ai|artificial intelligence|large language|language)(?: language)?(?: model)?\b[, ]", re.IGNORECASE
)
_ASKS_FOR_CODE = re.compile(
    r"\b(?:write|create|generate|implement|develop|provide|produce|code|design|build|construct|compose)\b[^.?!\n]{0,60}"
    r"\b(?:python|java(?:script)?|typescript|c\+\+|c#|golang|rust|ruby|php|sql|html|css|bash|shell|regex|"
    r"regular expression|json|yaml|xml|code(?: snippet)?|script|function|algorithm in|sql query|program (?:that|to))\b",
    re.IGNORECASE,
)
_NOT_FOR_CODE = re.compile(
    r"\b(?:pseudo-?code|sales|greet|command|explain|describe|summar|essay|story|poem|article|tweet|difference|"
    r"advantage|why|list of|tips|outline|mathematical function|function (?:of|at)|"
    r"dress code|code of conduct|movie|play|video script|script for a|"
    r"scene|dialogue|speech|headline|title|name for|question)",
    re.IGNORECASE,
)
_CODE = re.compile(
    r"```|^(?: {4}|\t)\S|[;{}]\s*$|</?[a-z][a-z0-9]*[ >]|\bSELECT\b.+\bFROM\b|\w+\(.*\)|[\w.]+\s*=\s*\S|[\[{]\""
    r"|\b(?:def|class|return|import|function|public|void|var|let|const|print|printf|echo)\b[^\n]{0,80}[(:=;]"
    r"|[\^$\\][dwsb.*+\[({]|^\s*[#/]{1,2}\s?\S",
    re.MULTILINE | re.IGNORECASE | re.DOTALL,
)
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})", re.MULTILINE)
_CUT_WORDS = re.compile(
    r"(?:,|\b(?:the|a|an|and|or|of|to|in|for|with|that|which|is|are|was|by|from|as|but|because|if|when|while|its|their|"
    r"your|his|her|on|at|be|can|will|should|such|this|these|into|than))\s*$",
    re.IGNORECASE,
)
_LONGEST_CUT = len("because")
_SHORT_LINE = 40
"""Characters of a last line that may end in such a word: it may be an item of a list."""
_LONG = 200
"""Characters from which on prose is expected to end in a sentence."""
_TRANSLATES = re.compile(
    r"\b(?:translat|language|spanish|french|german|italian|portuguese|chinese|mandarin|japanese|korean|russian|arabic|"
    r"hindi|latin|greek|dutch|swedish|polish|turkish|hebrew|vietnamese|english|phrase|word for|say)",
    re.IGNORECASE,
)
_TOLD = 60
"""Characters below which the language of a text cannot be told surely."""


def responses(record: Record) -> Iterator[tuple[int, Message]]:
    """Assistant messages that carry loss, with their numbers."""
    for n, message in enumerate(record.messages):
        if message.role == "assistant" and message.train and not message.tool_calls:
            yield n, message


def asked(record: Record, n: int) -> str:
    """The user message that message `n` answers; empty where there is none."""
    return next((m.content for m in reversed(record.messages[:n]) if m.role == "user"), "")


def _placeholders(record: Record) -> Iterator[Span]:
    for n, message in responses(record):
        text = message.content.strip()
        if len(text) < 60 and (not any(map(str.isalnum, text)) or _PLACEHOLDER.fullmatch(text)):
            if any(map(str.isalnum, text)) and _CALLS_FOR_ONE_WORD.search(asked(record, n)):
                continue  # "None" is a fair answer to "Which of these ...?"
            if text and not any(map(str.isalnum, text)) and not set(text) <= set("-_.*?\u2026 \n/#=~"):
                continue  # an operator or an emoji may be what was asked for
            yield Span(n, quoted(text) or "(nothing)")


def _gaps(record: Record) -> Iterator[Span]:
    for n, message in responses(record):
        match = _GAP.search(message.content)
        if match and not _MEANS_GAPS.search(asked(record, n)):
            yield Span(n, quoted(match[0]))


def _refusals(record: Record) -> Iterator[Span]:
    for n, message in responses(record):
        match = _REFUSAL.search(message.content[:300])
        if match:
            yield Span(n, quoted(message.content, match.start()))


def _speaks_as_model(record: Record) -> Iterator[Span]:
    for n, message in responses(record):
        match = _AI_MODEL.search(message.content)
        if match:
            yield Span(n, quoted(message.content, match.start()))


def _code_absent(record: Record) -> Iterator[Span]:
    for n, message in responses(record):
        question = asked(record, n)
        match = _ASKS_FOR_CODE.search(question)
        if match and not _NOT_FOR_CODE.search(question) and not _CODE.search(message.content):
            yield Span(n, quoted(message.content))


def _open_fences(record: Record) -> Iterator[Span]:
    for n, message in responses(record):
        fences = [match[1] for match in _FENCE.finditer(message.content)]
        if len(fences) % 2 and len({each[0] for each in fences}) == 1:
            yield Span(n, f"{len(fences)} fences of a code block")


def _copies(record: Record) -> Iterator[Span]:
    for n, message in responses(record):
        question, answer = asked(record, n).strip(), message.content.strip()
        if len(question) >= 20 and answer == question:
            yield Span(n, quoted(answer))


def _cut_off(record: Record) -> Iterator[Span]:
    for n, message in responses(record):
        text = message.content.rstrip()
        if len(text) < _LONG or not _CUT_WORDS.search(text, len(text) - _LONGEST_CUT):  # the end alone: fast
            continue
        if len(text.rpartition("\n")[2]) > _SHORT_LINE:
            yield Span(n, "\u2026" + quoted(text[-QUOTE_END:]))


QUOTE_END = 60
"""Characters of the end of a response that was cut off."""


def _other_language(record: Record) -> Iterator[Span]:
    for n, message in responses(record):
        question = asked(record, n)
        if len(message.content) < _TOLD or len(question) < _TOLD:
            continue
        if _is_plain_english(message.content) and _is_plain_english(question):
            continue  # as almost all are; asking a model takes fifty times as long
        if _TRANSLATES.search(question):
            continue
        systems = (m.content for m in record.messages if m.role == "system")
        if "```" in message.content or "</" in message.content or any(map(_TRANSLATES.search, systems)):
            continue
        wanted = language_of(question)  # the shorter one first: often it cannot be told, and that is enough
        spoken = language_of(message.content) if wanted else None
        if spoken and spoken != wanted:
            yield Span(n, f"{spoken} after {wanted}: {quoted(message.content)}"[:100])


_ENGLISH = frozenset(
    [
        "the",
        "and",
        "of",
        "to",
        "is",
        "are",
        "was",
        "were",
        "that",
        "this",
        "you",
        "for",
        "with",
        "have",
        "has",
        "had",
        "what",
        "how",
        "many",
        "there",
        "be",
        "would",
        "he",
        "she",
        "they",
        "it",
        "so",
        "then",
        "not",
        "from",
        "his",
        "her",
        "their",
        "each",
    ]
)


def _is_plain_english(text: str) -> bool:
    return len(_ENGLISH.intersection(text[:300].lower().split())) >= 3


RULES = (
    Rule("placeholder-response", "The response is a placeholder or has no letter in it.", Level.ERROR, _placeholders),
    Rule(
        "gap-in-response",
        "A gap that was to be filled is left in the response.",
        Level.WARNING,
        _gaps,
        hint=r"\[|(?i:lorem ipsum)|TODO|FIXME|XXX",
    ),
    Rule(
        "boilerplate-refusal",
        "The response begins by declining.",
        Level.WARNING,
        _refusals,
        hint=r"(?i)can ?not|(?:ca|wo|do)n['\x{2019}]t|able|not comfortable|will not|do not",
    ),
    Rule(
        "speaks-as-model",
        "The response speaks of itself as an AI model.",
        Level.WARNING,
        _speaks_as_model,
        hint=r"(?i)as an? (?:ai|artificial intelligence|large language|language)",
    ),
    Rule(
        "code-absent",
        "Code was asked for, and the response holds none.",
        Level.WARNING,
        _code_absent,
        hint=r"(?i)\b(?:write|create|generate|implement|develop|provide|produce|code|design|build|construct|compose)\b"
        r"[^.?!\n]*\b(?:python|java|typescript|c\+\+|c#|golang|rust|ruby|php|sql|html|css|bash|shell|regex|"
        r"regular expression|json|yaml|xml|code|script|function|algorithm in|program t)",
    ),
    Rule(
        "unbalanced-fence",
        "A code block is opened and never closed.",
        Level.WARNING,
        _open_fences,
        hint="```|~~~",
    ),
    Rule("copied-prompt", "The response repeats the instruction word for word.", Level.ERROR, _copies),
    Rule("cut-off-response", "The response stops in the middle of a sentence.", Level.WARNING, _cut_off),
    Rule("other-language", "The response is in another language than the instruction.", Level.WARNING, _other_language),
)
