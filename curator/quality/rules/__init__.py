"""Rules on pairs: named questions about one record, each with the precision that was measured for it.

Pure functions: a rule reads a record's content and knows no workspace.
"""

from curator.quality.rules.base import Hit, Level, Rule, Span
from curator.quality.rules.registry import (
    SHIPPED,
    Answers,
    Precision,
    check,
    default_rules,
    every_rule,
    is_on,
    is_shipped,
    precision_of,
    rules_named,
)

__all__ = [
    "SHIPPED",
    "Answers",
    "Hit",
    "Level",
    "Precision",
    "Rule",
    "Span",
    "check",
    "default_rules",
    "every_rule",
    "is_on",
    "is_shipped",
    "precision_of",
    "rules_named",
]
