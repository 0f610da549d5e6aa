"""Quantity: does the output state another number, amount or date than its references?

Numbers are parsed and paired with what they count (a unit, a currency, the noun behind them, a month and year); only
pairs of the same kind are compared. It abstains where nothing can be paired, so a pass says that paired numbers agree
and no more. After the number checks that hallucination benchmarks found the most telling without a model (RefChecker,
Hu et al. 2024).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from curator.review.detectors.base import Item, abstain, ok
from schemas.review import Finding

_TOLERANCE = 0.01
"""Relative difference that rounding explains; behind "about" it is ten times as much."""
_WORD_VALUES = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50,
    "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
_SCALES = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
_UNITS = {
    "percent": "%", "per cent": "%", "dollars": "$", "dollar": "$", "usd": "$", "euros": "\u20ac", "euro": "\u20ac",
    "eur": "\u20ac", "pounds": "\u00a3", "kilometres": "km", "kilometers": "km", "kilometre": "km", "kilometer": "km",
    "metres": "m", "meters": "m", "metre": "m", "meter": "m", "centimetres": "cm", "centimeters": "cm",
    "kilograms": "kg", "kilogram": "kg", "kilos": "kg", "grams": "g", "gram": "g", "hours": "h", "hour": "h",
    "hrs": "h", "minutes": "min", "minute": "min", "mins": "min", "seconds": "s", "second": "s", "secs": "s",
}  # fmt: skip
_MONTHS = {
    "jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6, "jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11,
    "dec": 12,
}  # fmt: skip
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}"
_DATE = re.compile(
    rf"\b(?:(?P<day1>\d{{1,2}})(?:st|nd|rd|th)?\s(?P<month1>{_MONTH})\.?,?\s(?P<year1>\d{{4}})"
    rf"|(?P<month2>{_MONTH})\.?\s(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?,?\s(?P<year2>\d{{4}})"
    r"|(?P<year3>\d{4})-(?P<month3>\d{2})-(?P<day3>\d{2}))\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"(?P<about>\b(?:about|around|approximately|roughly|nearly|almost|over|some)\s)?"
    r"(?P<currency>[$\u20ac\u00a3]\s?)?"
    r"(?P<digits>(?<![\w.])-?\d{1,3}(?:,\d{3})+(?:\.\d+)?|(?<![\w.])-?\d+(?:\.\d+)?|"
    rf"\b(?:{'|'.join(_WORD_VALUES)})\b(?:-[a-z]{{3,5}}\b)?)"
    r"(?:\s?(?P<scale>hundred|thousand|million|billion|trillion)\b)?"
    r"(?:\s?(?P<percent>%)|[\s-](?P<noun>[a-z]{1,20})\b)?",
    re.IGNORECASE,
)
_NO_NOUN = frozenset({
    "a", "an", "and", "are", "as", "at", "but", "by", "for", "from", "has", "have", "if", "in", "is", "it", "more",
    "of", "on", "or", "per", "so", "than", "that", "the", "then", "there", "this", "times", "to", "was", "were",
    "when", "which", "while", "will", "with", "x",
})  # fmt: skip
_SPACE = re.compile(r"\s+")


class Quantity(NamedTuple):
    """A number with what it counts."""

    value: float
    kind: str
    """`%`, a currency, a unit, the stem of a noun, `calendar year`, or `date` (then the value is YYYYMMDD)."""
    is_rough: bool
    text: str


class QuantityContradiction:
    """Flags an output that states another quantity than every reference that speaks of the same kind."""

    id = "quantity"
    version = "1"

    def judge(self, item: Item) -> Finding:
        """Flagged with both numbers."""
        if not item.references:
            return abstain(self, "The prompt has no reference answer.")
        stated = quantities(item.output)
        expected = [quantity for reference in item.references for quantity in quantities(reference)]
        compared, contradictions = 0, []
        for kind in dict.fromkeys(quantity.kind for quantity in expected):
            right = [quantity for quantity in expected if quantity.kind == kind]
            said = [quantity for quantity in stated if quantity.kind == kind]
            compared += bool(said)
            if said and not any(_agree(one, other) for one in said for other in right):
                contradictions.append(f"{said[0].text} instead of {right[0].text}")
        if not compared:
            return abstain(self, "No number of the output counts what a reference counts.")
        if contradictions:
            return ok(self, score=0.9, flag=True, reason="It states another quantity.", evidence=contradictions)
        return ok(self, score=0.1, flag=False, reason=f"{compared} kinds of quantity agree.")


def quantities(text: str) -> list[Quantity]:
    """The quantities of a text in its order.

    Example:
        >>> [(q.value, q.kind) for q in quantities("It costs $1,200 and weighs about 3.5 kilograms.")]
        [(1200.0, '$'), (3.5, 'kg')]
        >>> [(q.value, q.kind) for q in quantities("On 3 May 1999 twenty-two people came.")]
        [(19990503.0, 'date'), (22.0, 'people')]
    """
    plain = _SPACE.sub(" ", text)
    dates = [_date(match) for match in _DATE.finditer(plain)]
    rest = _DATE.sub(" ; ", plain)
    numbers = (_number(match) for match in _NUMBER.finditer(rest))
    return [quantity for quantity in (*dates, *numbers) if quantity is not None]


def _date(match: re.Match[str]) -> Quantity | None:
    parts = match.groupdict()
    year, month, day = (
        parts[f"{name}1"] or parts[f"{name}2"] or parts[f"{name}3"] for name in ("year", "month", "day")
    )
    number = int(month) if month.isdigit() else _MONTHS[month[:3].lower()]
    return Quantity(float(int(year) * 10_000 + number * 100 + int(day)), "date", False, match[0])


def _number(match: re.Match[str]) -> Quantity | None:
    value = _value(match["digits"])
    if value is None:
        return None
    value *= _SCALES[match["scale"].lower()] if match["scale"] else 1
    noun = (match["noun"] or "").lower()
    if match["currency"]:
        kind = match["currency"].strip()
    elif match["percent"]:
        kind = "%"
    elif noun in _UNITS:
        kind = _UNITS[noun]
    elif noun in _NO_NOUN or not noun:
        is_year = match["digits"].isdigit() and len(match["digits"]) == 4 and 1000 <= value <= 2100
        kind = "calendar year" if is_year else ""
    else:
        kind = noun.removesuffix("s") if len(noun) > 3 else noun
    return Quantity(value, kind, match["about"] is not None, match[0].strip()) if kind else None


def _value(digits: str) -> float | None:
    if digits[-1].isdigit():
        return float(digits.replace(",", ""))
    tens, _, ones = digits.lower().partition("-")
    if tens not in _WORD_VALUES or (ones and ones not in _WORD_VALUES):
        return None
    return float(_WORD_VALUES[tens] + (_WORD_VALUES[ones] if ones else 0))


def _agree(one: Quantity, other: Quantity) -> bool:
    if one.kind in ("date", "calendar year"):
        return one.value == other.value
    tolerance = _TOLERANCE * (10 if one.is_rough or other.is_rough else 1)
    return abs(one.value - other.value) <= tolerance * max(abs(one.value), abs(other.value))
