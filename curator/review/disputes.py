"""Disputes: outputs about which reviewers say different things, so that a third person has to settle them.

Until then the worst that was said counts, and the category stays open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from schemas.judgement import CRITICAL
from schemas.review import Verdict

_FAR = 2
"""Severities so far apart that they are another answer."""


_OPEN = "cannot tell"


def is_disputed(verdicts: Sequence[Verdict]) -> bool:
    """Whether people disagree about an output: on what is wrong, or clearly on how grave it is.

    What a script said, a "fine" of a reviewer who knew the names, and "cannot tell" contradict no person.
    """
    people = [each for each in verdicts if not each.by_script]
    said = [each.judgement for each in people if each.judgement.defects or (each.blind and each.relation != _OPEN)]
    if len({judgement.defects for judgement in said}) > 1:
        return True
    severities = {judgement.severity for judgement in said if judgement.severity is not None}
    if len(severities) < 2:
        return False
    return max(severities) - min(severities) >= _FAR or CRITICAL in severities


def disputed_pairs(stated: Mapping[int, Sequence[Verdict]]) -> set[str]:
    """Pairs with an output that is disputed."""
    return {verdict.pair for said in stated.values() if is_disputed(said) for verdict in said}
