"""The language of a text, by a model that lies in a package and downloads nothing.

py3langid counts byte n-grams (naive Bayes, 97 languages). Texts with English function words, most of what is asked
here, are told without it. Short texts, numbers and code belong to no language: the answer is then None.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

_BEGINNING = 400
"""Characters that are looked at; more do not change the answer."""
_GLANCE, _CERTAIN = 120, 0.95
"""Characters that are looked at first, and the probability with which they are enough: the model takes its time for
every character."""
_SURE = 0.8
"""Probability below which the model has not told the language."""
_ENGLISH = frozenset(
    "the and of to is are was it that this you your for with not have has can will be as but they what there would "  # noqa: SIM905
    "should from which their".split()
)
_WORD = re.compile(r"[^\W\d_]+")


def language_of(text: str) -> str | None:
    """ISO 639-1 code of the language in which a text begins, or None where it cannot be told.

    Example:
        >>> language_of("There is no way to tell what the weather will be.")
        'en'
        >>> language_of("Lo siento, pero no puedo ayudarte con eso.")
        'es'
        >>> language_of("2 + 2 = 4") is None
        True
    """
    beginning = text[:_BEGINNING]
    words = _WORD.findall(beginning.lower())
    if not words:
        return None
    function_words = sum(map(_ENGLISH.__contains__, words))
    if function_words >= 2 and function_words / len(words) >= 0.1:
        return "en"
    code, probability = _identifier().classify(beginning[:_GLANCE])
    if probability < _CERTAIN and len(beginning) > _GLANCE:
        code, probability = _identifier().classify(beginning)
    return str(code) if probability >= _SURE else None


@cache
def _identifier() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # reading its model takes a quarter of a second

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
