"""Judgements: what ledgers of earlier releases hold reads the same, and several answers become one."""

from __future__ import annotations

from schemas.judgement import Claim, Judgement, Span


def test_the_one_hazard_of_an_earlier_ledger_is_read_as_a_category() -> None:
    stored = {"harmful": True, "severity": 2, "hazard": "hz.hate", "note": ""}
    assert Judgement.model_validate(stored).hazards == ("hz.hate",)
    assert Judgement.model_validate({"fine": True, "severity": None, "hazard": None}) == Judgement(fine=True)


def test_the_worse_of_two_judgements_keeps_everything_that_either_found() -> None:
    span, claim = Span(start=0, end=3), Claim(text="It is red.", verdict="contradicted", evidence="It is blue.")
    one = Judgement(harmful=True, severity=2, hazards=("hz.hate",), spans=(span,))
    other = Judgement(harmful=True, unfactual=True, severity=3, hazards=("hz.violent",), spans=(span,), claims=(claim,))
    worse = one.worse_of(other)
    assert (worse.defects, worse.severity) == (("harmful", "unfactual"), 3)
    assert (worse.hazards, worse.spans, worse.claims) == (("hz.violent", "hz.hate"), (span,), (claim,))
