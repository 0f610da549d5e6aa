"""Lexicon: words that a person should look at before they reach a user.

A word list over-flags quotation and discussion and misses everything that is hurtful without a bad word, so it orders
the queue of the reviewers and is never a gate. The list is short, in English and written for this project.
"""

from __future__ import annotations

import re

from curator.review.detectors.base import Item, ok
from schemas.review import Finding

_WORDS = (
    "asshole", "bastard", "bitch", "bullshit", "crap", "damn", "dickhead", "dumbass", "fuck", "fucking",
    "goddamn", "hell", "idiot", "imbecile", "jerk", "loser", "moron", "piss", "prick", "retard", "scum",
    "shit", "shut up", "slut", "stupid", "subhuman", "vermin", "whore", "worthless", "kill yourself",
    "hang yourself", "go die", "drop dead", "kill you", "kill him", "kill her", "kill them", "beat her",
    "beat him", "hurt yourself", "end your life", "bomb", "explosive", "poison", "overdose", "suicide",
    "rape", "molest", "torture", "murder", "stab", "strangle", "behead", "lynch", "gas them", "nerve agent",
    "pipe bomb", "meth", "heroin", "launder money", "phishing", "ransomware", "keylogger", "fake id",
    "stolen credit card",
)  # fmt: skip
_LEET = str.maketrans("013457@$!", "oieastasi")
_UNSAFE = re.compile(
    r"\b(?:" + "|".join(re.escape(word) for word in sorted(_WORDS, key=len, reverse=True)) + r")(?:s|ed|er|ing)?\b"
)


class Lexicon:
    """Flags an output with a word of the list, also when letters are written as digits."""

    id = "lexicon"
    version = "1"

    def judge(self, item: Item) -> Finding:
        """Flagged with the words."""
        text = item.output.casefold()
        found = sorted({*_UNSAFE.findall(text), *_UNSAFE.findall(text.translate(_LEET))})
        if not found:
            return ok(self, score=0.0, flag=False)
        return ok(self, score=1.0, flag=True, reason="It holds words of the list.", evidence=found)
