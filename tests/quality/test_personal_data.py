"""Personal data of a structured form: found as people write it, and not in what only looks like it."""

from __future__ import annotations

import ipaddress
import random

import phonenumbers
import pytest

from curator.quality.personal_data import DataKind, find_personal_data, mask_personal_data

SENTENCES = ("Please use {}.", "It is {}, as I said", "{}", "Contact: {} (work)", "Write to <{}>; thanks", "id={}\n")
PER_KIND = 400


def luhn(digits: list[int]) -> int:
    doubled = [d if n % 2 else d * 2 - 9 * (d > 4) for n, d in enumerate(reversed(digits))]
    return -sum(doubled) % 10


def card(draw: random.Random) -> str:
    start, length = draw.choice([("4", 16), ("51", 16), ("37", 15), ("6011", 16), ("36", 14)])
    digits = [int(c) for c in start] + [draw.randrange(10) for _ in range(length - len(start) - 1)]
    number = "".join(map(str, [*digits, luhn(digits)]))
    if length == 16:
        gap = draw.choice(["", " ", "-"])
        return gap.join(number[n : n + 4] for n in range(0, 16, 4))
    return draw.choice([number, f"{number[:4]} {number[4:10]} {number[10:]}"]) if length == 15 else number


def iban(draw: random.Random) -> str:
    country, length = draw.choice([("DE", 18), ("GB", 18), ("FR", 23), ("ES", 20), ("NL", 14), ("CH", 17)])
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    bank = [draw.choice(letters) for _ in range(4)] if country in ("GB", "NL") else []
    account = "".join(bank) + "".join(str(draw.randrange(10)) for _ in range(length - len(bank)))
    check = 98 - int("".join(str(int(c, 36)) for c in f"{account}{country}00")) % 97
    compact = f"{country}{check:02d}{account}"
    return compact if draw.random() < 0.5 else " ".join(compact[n : n + 4] for n in range(0, len(compact), 4))


def email(draw: random.Random) -> str:
    name = draw.choice(["ada", "j.doe", "maria-luisa", "x_y", "kim+news", "o.brien2"])
    domain = draw.choice(["mail", "uni-bonn", "dept.acme"])
    return f"{name}{draw.randrange(1000)}@{domain}.{draw.choice(['com', 'co.uk', 'de', 'io'])}"


def phone(draw: random.Random) -> str:
    """Numbers of the plans' own examples, with other last digits where the plan still takes them."""
    region = draw.choice(["US", "GB", "DE", "FR", "IN", "BR", "JP", "AU", "ES", "IT"])
    example = phonenumbers.example_number_for_type(region, draw.choice([0, 1]))
    for _ in range(50):
        number = phonenumbers.PhoneNumber()
        number.merge_from(example)  # with Italy's leading zero
        number.national_number = example.national_number // 1000 * 1000 + draw.randrange(1000)
        if phonenumbers.is_valid_number(number):
            break
    national = phonenumbers.PhoneNumberFormat.NATIONAL
    style = draw.choice([phonenumbers.PhoneNumberFormat.INTERNATIONAL, phonenumbers.PhoneNumberFormat.E164])
    return phonenumbers.format_number(number, national if region == "US" else style)


def address(draw: random.Random) -> str:
    while True:
        picked = (
            ipaddress.IPv4Address(draw.getrandbits(32))
            if draw.random() < 0.6
            else ipaddress.IPv6Address((0x2001 << 112) | (0x0DB9 << 96) | draw.getrandbits(96))
        )
        if picked.is_global:
            return str(picked)


def ssn(draw: random.Random) -> str:
    return f"{draw.choice([123, 457, 601])}-{draw.randrange(10, 99)}-{draw.randrange(1000, 9999)}"


def key(draw: random.Random) -> str:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
    return draw.choice(["sk-", "ghp_", "hf_", "AKIA", ""]).replace("AKIA", "AIza") + "".join(
        draw.choices(letters, k=36)
    )


@pytest.mark.parametrize(
    ("kind", "make"),
    [
        (DataKind.CARD, card), (DataKind.IBAN, iban), (DataKind.EMAIL, email), (DataKind.PHONE, phone),
        (DataKind.IP, address), (DataKind.SSN, ssn), (DataKind.KEY, key),
    ],
)  # fmt: skip
def test_of_each_kind_98_in_100_are_found(kind: DataKind, make: object) -> None:
    draw = random.Random(2026)
    missed = []
    for _ in range(PER_KIND):
        piece = make(draw)  # type: ignore[operator]
        text = draw.choice(SENTENCES).format(piece)
        if not any(each.kind is kind and each.of(text).strip("()") in piece for each in find_personal_data(text)):
            missed.append(text)
    assert len(missed) <= PER_KIND * 0.02, missed[:5]


@pytest.mark.parametrize(
    "text",
    [
        "4111 1111 1111 1112", "DE89 3704 0044 0532 0130 01", "2000000-400000 = 1600000", "28980 - 18480 = 10500",
        "192.168.1.1 and 127.0.0.1 and ::1", "you@example.com", "UpcomingConference2020", "#MyDayIn140Characters",
        "12:30:45 on 2026-11-21", "version 10.2.3.400", "a sum of 1,234,567,890", "1 2 3 4 5 6 7 8 9 10",
        "@user and user@", "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAMgAAADICAYAAACtWK6eAAAACXBIWXMAAA",
    ],
)  # fmt: skip
def test_what_only_looks_like_it_is_left(text: str) -> None:
    assert find_personal_data(text) == []


def test_each_piece_is_masked_by_its_kind_and_the_rest_stays() -> None:
    text = "Ada (ada@engines.org, +44 20 7946 0958) pays with 4111 1111 1111 1111."
    assert mask_personal_data(text) == "Ada ([EMAIL], [PHONE]) pays with [CARD]."
    assert mask_personal_data(mask_personal_data(text)) == mask_personal_data(text)
