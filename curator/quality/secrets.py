"""Secrets in a text that have a form of their own: card and account numbers, keys and tokens, addresses of people.

Numbers count only when their check digits are right (ISO/IEC 7812 for cards, ISO 13616 for IBAN), keys without a known
prefix only when they look random. It makes no claim about names or anything else that only a reader can tell.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from itertools import pairwise
from typing import NamedTuple

_CARD = re.compile(
    r"(?<![\d.*+/-])(?:\d{13,19}|\d{4}(?:[ -]\d{4}){2}[ -]\d{1,7}|\d{4}[ -]\d{6}[ -]\d{5}|"
    r"\d{4}(?:[ -]\d{4}){3}[ -]\d{3})(?![\d.]*\d)"
)
"""13 to 19 digits in one run or in the groups that cards are printed with; other dashes subtract."""
_SEVEN_DIGITS = re.compile(r"(?:\d[ -]?){7}")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:[ ]?[A-Z0-9]{4}){2,7}(?:[ ]?[A-Z0-9]{1,3})?\b")
_EMAIL = re.compile(r"(?<![\w.+-])\w(?:[\w.+-]{0,62}\w)?@(?:[\w-]{1,63}\.){1,4}[a-z]{2,24}\b", re.IGNORECASE)
_PREFIXED_KEY = re.compile(
    r"\b(?:sk-[A-Za-z0-9_-]{16,}|gh[pousr]_[A-Za-z0-9]{20,}|AKIA[A-Z0-9]{16}|AIza[\w-]{30,}|xox[abprs]-[\w-]{10,}|"
    r"hf_[A-Za-z0-9]{20,}|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{5,})"
)
_TOKEN = re.compile(r"(?<!base64,)(?<![\w/+.-])[A-Za-z0-9+/_-]{20,200}={0,2}(?![\w/+=-])")
_CHANGES, _FEWER_CHANGES = 0.4, 0.3
"""Share of neighbours of different sorts above which a token looks random; of 62 characters drawn evenly it is .6. The
second holds where digits stand in several places, which words do not do."""
_NUMBER = re.compile(r"\d+")
_RANDOM_BITS = 3.5
"""Entropy per character from which a long token of letters and digits looks random; words have less."""


class Secret(NamedTuple):
    """A secret with its kind."""

    kind: str
    """`card`, `iban`, `key` or `email`."""
    text: str
    """As it stands in the text."""

    @property
    def key(self) -> str:
        """The secret without the blanks and dashes that writers put in, for comparing."""
        return self.text if self.kind in ("key", "email") else re.sub(r"[ -]", "", self.text)


def find_secrets(text: str) -> list[Secret]:
    """The secrets of a text, by kind and in its order.

    Example:
        >>> find_secrets("Card 4111 1111 1111 1111, not 4111 1111 1111 1112.")
        [Secret(kind='card', text='4111 1111 1111 1111')]
    """
    secrets: list[Secret] = []
    if _SEVEN_DIGITS.search(text):  # each pattern costs a walk over the text, and most texts need none
        secrets += [Secret("card", match[0]) for match in _CARD.finditer(text) if is_card_number(match[0])]
    secrets += [Secret("iban", match[0]) for match in _IBAN.finditer(text) if is_iban(match[0])]
    secrets += [Secret("key", match[0]) for match in _PREFIXED_KEY.finditer(text)]
    prefixed = {secret.text for secret in secrets}
    secrets += [
        Secret("key", match[0])
        for match in _TOKEN.finditer(text)
        if match[0] not in prefixed and _looks_random(match[0])
    ]
    if "@" in text:
        secrets += [Secret("email", match[0]) for match in _EMAIL.finditer(text)]
    return secrets


def is_card_number(text: str) -> bool:
    """Whether 13 to 19 digits, with blanks or dashes between them, pass the Luhn check.

    Example:
        >>> is_card_number("4111-1111-1111-1111")
        True
    """
    digits = [int(character) for character in text if character.isdigit()]
    if not 13 <= len(digits) <= 19 or len(set(digits)) == 1:
        return False
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def is_iban(text: str) -> bool:
    """Whether an account number passes the check of ISO 7064, modulo 97.

    Example:
        >>> is_iban("DE89 3704 0044 0532 0130 00")
        True
    """
    compact = text.replace(" ", "")
    if not 15 <= len(compact) <= 34:
        return False
    return int("".join(str(int(character, 36)) for character in compact[4:] + compact[:4])) % 97 == 1


def _looks_random(token: str) -> bool:
    has_all = any(c.isdigit() for c in token) and any(c.islower() for c in token) and any(c.isupper() for c in token)
    counts = Counter(token)
    entropy = -sum(n / len(token) * math.log2(n / len(token)) for n in counts.values())
    if not has_all or entropy < _RANDOM_BITS:
        return False
    changes = _changes(token) / len(token)
    return changes > _CHANGES or (changes > _FEWER_CHANGES and len(_NUMBER.findall(token)) > 1)


def _changes(token: str) -> int:
    """How often neighbours are of different sorts (small, large, digit, other); CamelCaseWords2020 change rarely."""
    sorts = ["d" if c.isdigit() else "l" if c.islower() else "u" if c.isupper() else "o" for c in token]
    return sum(one != other for one, other in pairwise(sorts))
