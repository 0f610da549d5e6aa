"""Twins: outputs that were seen or judged before, word for word, elsewhere.

A model that comes back under another name, in another project or from another run starts a ledger of its own. What
people found wrong with the same words stays known.
"""

from __future__ import annotations

from collections.abc import Sequence

from curator.quality.normal_form import normal_form
from curator.review.stated import KINDS, of_system
from curator.store import Connection, ledger, outputs, suites, systems
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
    same = {_words(output): output.id for output in reversed(mine)}  # of equal samples the first one is read
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


def seen_before(connection: Connection, system: System, mine: Sequence[Output]) -> dict[str, int]:
    """Gate prompts that this model had answered in explore suites, too, counted by explore suite.

    Who picks a gate suite from prompts whose answers lie before them picks the answers.
    """
    asked = {normal_form(output.prompt.prompt) for output in mine}
    names = {suite.id: suite.name for suite in suites.summaries(connection) if suite.purpose == "explore"}
    seen: dict[str, set[str]] = {}
    for output in outputs.of_system(connection, system.id) if names else ():
        prompt = normal_form(output.prompt.prompt)
        if output.model == system.target and output.suite_id in names and prompt in asked:
            seen.setdefault(names[output.suite_id], set()).add(prompt)
    return {name: len(prompts) for name, prompts in seen.items()}


def _words(output: Output) -> tuple[object, ...]:
    return (output.suite_id, output.prompt.id, output.text, output.turns)
