"""Twins: outputs that were judged before, word for word, as those of another system.

A model that comes back under another name, in another project or from another run starts a ledger of its own. What
people found wrong with the same words stays known.
"""

from __future__ import annotations

from collections.abc import Sequence

from curator.review.stated import KINDS, of_system
from curator.store import Connection, ledger, outputs, systems
from schemas.review import Output, System


def found_elsewhere(connection: Connection, system: System, mine: Sequence[Output]) -> dict[int, str]:
    """Outputs of a system of which people said, when they stood under another name, that they are defective.

    Args:
        connection: An open transaction.
        system: Whose outputs these are.
        mine: The outputs of the model about which a decision is made.

    Returns:
        By the id of the output the name of the other system.
    """
    same = {_words(output): output.id for output in mine}
    found: dict[int, str] = {}
    for other in systems.all_systems(connection):
        if other.id == system.id:
            continue
        stated = of_system(ledger.entries(connection, other.id, kinds=KINDS))
        defective = {
            output_id
            for output_id, verdicts in stated.items()
            if any(verdict.judgement.defects and not verdict.by_script for verdict in verdicts)
        }
        for output in outputs.of_system(connection, other.id) if defective else ():
            if output.id in defective and output.model == other.target and _words(output) in same:
                found[same[_words(output)]] = other.name or other.id
    return found


def _words(output: Output) -> tuple[object, ...]:
    return (output.suite_id, output.prompt.id, output.text, output.turns)
