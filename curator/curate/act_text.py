"""A bulk act as people type it: `accept`, `tag=checked=yes`, `group=faq`, `assign=pool:law`, `re-review=2`."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import ValidationError

from curator.errors import CurationError
from schemas.act import Accept, Act, Assign, Flag, Mask, Reject, ReReview, SendBack, SetGroup, SetLicence, Tag

_ACTS: dict[str, Callable[[str], Act]] = {
    "accept": lambda _: Accept(),
    "accepted": lambda _: Accept(),
    "reject": lambda _: Reject(),
    "rejected": lambda _: Reject(),
    "flag": lambda _: Flag(),
    "flagged": lambda _: Flag(),
    "tag": lambda value: _tag(value),
    "untag": lambda value: Tag(labels={_named(value): None}),
    "group": lambda value: SetGroup(group=value or None),
    "licence": lambda value: SetLicence(licence=value or None),
    "assign": lambda value: _assign(value),
    "send-back": lambda value: SendBack(reason=value),
    "re-review": lambda value: ReReview(reviews=int(value or 1)),
    "mask": lambda value: Mask(region=value) if value else Mask(),
}
FORMS = (
    "accept, reject, flag, tag=NAME or tag=NAME=VALUE, untag=NAME, group=NAME, licence=NAME, assign=PERSON, "
    "assign=pool:NAME, assign=everyone, send-back=REASON, re-review=N or mask=COUNTRY"
)


def parse_act(text: str) -> Act:
    """The act that a text says.

    Raises:
        CurationError: It says none.

    Example:
        >>> parse_act("tag=checked=yes").labels
        {'checked': 'yes'}
    """
    name, _, value = text.partition("=")
    try:
        return _ACTS[name.strip().lower()](value.strip())
    except (KeyError, ValidationError, ValueError) as error:
        raise CurationError(f"{text!r} is not an act.", hint=f"Write {FORMS}.") from error


def _tag(text: str) -> Tag:
    name, _, value = text.partition("=")
    return Tag(labels={_named(name): value.strip() or "yes"})


def _named(text: str) -> str:
    if not text.strip():
        raise ValueError("a label needs a name")
    return text.strip()


def _assign(text: str) -> Assign:
    if text.startswith("pool:"):
        return Assign(pool=text.removeprefix("pool:"))
    return Assign() if text in ("", "everyone") else Assign(person=text.removeprefix("person:"))
