"""Personal data and secrets that have a form of their own: addresses, telephone, card and account numbers, keys.

A form alone proves little, so every kind is confirmed: cards and accounts by their check digits, telephone numbers by
the numbering plan of their country (phonenumbers, the port of Google's libphonenumber), network addresses by being
public. It makes no claim about names, or about anything else that only a reader can tell.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from curator.quality.secrets import find_secrets

if TYPE_CHECKING:
    from phonenumbers import PhoneNumberMatcher

_IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\d)")
_IPV6 = re.compile(r"(?<![\w:.])[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?![\w:])", re.IGNORECASE)
_DOTTED = re.compile(r"\d\.\d{1,3}\.\d")
_COLONS = re.compile(r"::|:[0-9a-fA-F]{1,4}:[0-9a-fA-F]")
_US_SSN = re.compile(r"(?<![\d-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\d-])")
_MAYBE_PHONE = re.compile(r"(?:[=*/$]|<<)[\d.,\-]+|((?:\d[ ().\-/\u2010-\u2015\u00a0]{0,2}){9})")
"""Nine digits in a row, as they are written in a telephone number; finding one makes the numbering plans be read, which
takes a thousand times as long. What follows the signs at the beginning is not one (`_is_written_to_be_called`).
"""
_CALCULATES = re.compile(r"\d [-/] \d")
_EXAMPLE_DOMAINS = re.compile(r"@(?:[\w-]+\.)*(?:example\.(?:com|org|net|edu)|test|invalid|localhost)$", re.IGNORECASE)


class DataKind(StrEnum):
    """A structured type of personal data."""

    EMAIL = "email"
    PHONE = "phone"
    CARD = "card"
    IBAN = "iban"
    IP = "ip"
    SSN = "ssn"
    """Social security number of the United States, with its dashes."""
    KEY = "key"
    """A password-like token of a service."""


class Found(NamedTuple):
    """A piece of personal data in a text."""

    kind: DataKind
    start: int
    """First character."""
    end: int
    """One past the last character."""

    def of(self, text: str) -> str:
        """The words themselves."""
        return text[self.start : self.end]


def find_personal_data(text: str, *, region: str = "US") -> list[Found]:
    """Every piece of personal data in a text, in its order; pieces do not overlap.

    Args:
        text: Any text.
        region: ISO 3166 code of the country whose telephone numbers are written without a country code.

    Example:
        >>> [each.kind.value for each in find_personal_data("Write to ada@lovelace.org or call +1 201-867-5309.")]
        ['email', 'phone']
    """
    pieces = sorted(_pieces(text, region), key=lambda piece: (_CERTAIN.index(piece.kind), piece.start, -piece.end))
    kept: list[Found] = []
    for piece in pieces:
        if all(piece.end <= other.start or piece.start >= other.end for other in kept):
            kept.append(piece)
    return sorted(kept, key=lambda piece: piece.start)


def mask_personal_data(text: str, *, region: str = "US") -> str:
    """A text with every piece of personal data replaced by its kind.

    Example:
        >>> mask_personal_data("Write to ada@lovelace.org.")
        'Write to [EMAIL].'
    """
    masked, end = [], 0
    for piece in find_personal_data(text, region=region):
        masked += [text[end : piece.start], f"[{piece.kind.upper()}]"]
        end = piece.end
    return "".join([*masked, text[end:]])


_CERTAIN = (DataKind.EMAIL, DataKind.KEY, DataKind.IBAN, DataKind.CARD, DataKind.SSN, DataKind.IP, DataKind.PHONE)
"""Kinds by how sure their form is: where two overlap, the surer one stays."""


def _pieces(text: str, region: str) -> Iterator[Found]:
    if not any(map(str.isdigit, text)) and "@" not in text:
        return  # every kind but an e-mail address holds a digit, and most texts end here
    for secret in find_secrets(text):
        if secret.kind == "email" and _EXAMPLE_DOMAINS.search(secret.text):
            continue
        start = text.find(secret.text)
        while start >= 0:
            yield Found(DataKind(secret.kind), start, start + len(secret.text))
            start = text.find(secret.text, start + len(secret.text))
    for hint, pattern in ((_DOTTED, _IPV4), (_COLONS, _IPV6)):
        for match in pattern.finditer(text) if hint.search(text) else ():
            if _is_public(match[0]):
                yield Found(DataKind.IP, match.start(), match.end())
    for match in _US_SSN.finditer(text):
        yield Found(DataKind.SSN, match.start(), match.end())
    if not any(match[1] for match in _MAYBE_PHONE.finditer(text)):
        return
    for number in _phone_numbers(text, region):
        if _is_written_to_be_called(number.raw_string, text[: number.start]):
            yield Found(DataKind.PHONE, number.start, number.end)


def _is_written_to_be_called(number: str, before: str) -> bool:
    """Whether a number that a numbering plan knows is not a part of a calculation or a count."""
    if number.startswith("+"):
        return True
    has_block = any(len(digits) >= 3 for digits in re.findall(r"\d+", number))
    return has_block and not _CALCULATES.search(number) and not before.endswith(("=", "*", "/", "<<", "$"))


def _is_public(address: str) -> bool:
    """Whether an address could be someone's: not of a home network, this machine or a manual."""
    try:
        return ipaddress.ip_address(address).is_global
    except ValueError:
        return False


def _phone_numbers(text: str, region: str) -> PhoneNumberMatcher:
    matcher, leniency = _phonenumbers()
    return matcher(text, region, leniency=leniency)


@cache
def _phonenumbers() -> tuple[type[PhoneNumberMatcher], int]:
    from phonenumbers import Leniency, PhoneNumberMatcher  # reading its plans takes a tenth of a second

    return PhoneNumberMatcher, Leniency.VALID
