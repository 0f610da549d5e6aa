"""Refusal: does the output decline, wholly or in part, to do what was asked?

Rules on the beginning of the text, where models decline. Late and indirect refusals are missed; the scorecard in
`docs/guide/review.md` says how many.
"""

from __future__ import annotations

import re

from curator.review.detectors.base import Item, ok
from schemas.review import Finding

_BEGINNING = 350
"""Characters that are looked at."""

_DECLINES = re.compile(
    r"""
      \b(?:i|we)\s+(?:am|'m|are|'re)\s+(?:(?:so|very|really)\s+)?(?:sorry|unable|not\s+able|not\s+comfortable|not\s+going\s+to)\b
    | \b(?:i|we)\s+(?:cannot|can't|can\s+not|could\s+not|couldn't|will\s+not|won't|would\s+not|wouldn't|must\s+not|
        do\s+not\s+feel\s+comfortable|don't\s+feel\s+comfortable|refuse|decline|have\s+to\s+(?:decline|refuse)|
        must\s+(?:decline|refuse)|apologi[sz]e)\b
    | \b(?:my\s+apologies|sorry,?\s+(?:but|i))\b
    | \bas\s+(?:an?\s+)?(?:\w+\s+){0,3}(?:ai|language\s+model|assistant)\b
    | \b(?:it\s+is|it's|is|would\s+be)\s+(?:not\s+(?:appropriate|acceptable|ethical|possible\s+for\s+me|within\s+my)|
        inappropriate|unethical|illegal|against\s+(?:my|the\s+law))\b
    | \bnot\s+(?:appropriate|ethical|acceptable|respectful)\s+(?:or\s+\w+\s+)?(?:for\s+me\s+)?to\b
    | \bi\s+(?:do\s+not|don't)\s+have\s+(?:access|personal|the\s+ability|information|the\s+authority)\b
    | \bi\s+(?:do\s+not|don't)\s+(?:think|believe)\s+(?:it\s+is|it's|that\s+is|that's|you\s+should|\w+\s+should)\b
    | \b(?:it\s+is|it's|is|are)\s+(?:not|never)\s+(?:an?\s+)?(?:acceptable|accurate|appropriate|fair|ok|okay|productive|
        recommended|respectful|right|safe)\b
    | \b(?:goes|is)\s+against\s+my\b
    | \bagainst\s+(?:ethical|my\s+programming|my\s+guidelines)\b
    | \bi\s+(?:strongly\s+)?(?:advise|urge|encourage)\s+(?:you\s+)?(?:against|not\s+to)\b
    | \bi\s+(?:must|have\s+to|would\s+like\s+to)\s+(?:point\s+out|inform|emphasi[sz]e|advise|remind|clarify)\b
    """,
    re.IGNORECASE | re.VERBOSE,
)


class Refusal:
    """Flags an output that declines."""

    id = "refusal"
    version = "1"

    def judge(self, item: Item) -> Finding:
        """Flagged with the words that decline."""
        match = _DECLINES.search(item.output[:_BEGINNING].replace("\u2019", "'"))
        if match is None:
            return ok(self, score=0.0, flag=False)
        return ok(self, score=1.0, flag=True, reason="The output declines.", evidence=[match[0]])
