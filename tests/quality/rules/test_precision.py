"""The precision that is shipped with the rules is what the labels say of public data today."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curator import Workspace
from curator.ingest import import_file
from curator.quality import rules
from curator.quality.fingerprint import content_hash
from curator.store import projects, records
from schemas.importing import FieldMap

LABELS = Path(__file__).with_name("labels.jsonl")
MEASURED = Path(rules.__file__).with_name("measured.json")
COLUMNS = {
    "gsm8k_train.jsonl": {"instruction": "question", "response": "answer"},
    "halueval_general.jsonl": {"instruction": "user_query", "response": "chatgpt_response"},
    "xstest_completions_llama2.csv": {"instruction": "prompt", "response": "completion"},
}


@pytest.mark.slow
def test_the_shipped_precision_is_what_the_labels_say(workspace: Workspace, shared_data: Path) -> None:
    stated = json.loads(MEASURED.read_text())
    for name in stated["files"]:
        mapping = FieldMap(columns=COLUMNS.get(name, {}))
        import_file(workspace, shared_data / name, actor="me", accept=True, field_map=mapping)
    labels = {(row["rule"], row["content_hash"]): row["right"] for row in map(json.loads, LABELS.open())}
    hits: dict[str, set[str]] = {rule.name: set() for rule in rules.SHIPPED}
    unhinted = tuple(rule._replace(hint=None) for rule in rules.SHIPPED)  # the slow way
    count = 0
    with workspace.read() as connection:
        for stored in records.every(connection, projects.by_name(connection).id):
            count += 1
            answers = rules.check(stored.content, rules.SHIPPED)
            assert answers == rules.check(stored.content, unhinted), stored.content
            for hit in answers.hits:
                hits[hit.rule].add(content_hash(stored.content))
    assert count == stated["records"]
    assert stated["rules"].keys() == hits.keys()
    for rule, figures in stated["rules"].items():
        judged = {content: right for (name, content), right in labels.items() if name == rule}
        assert judged.keys() <= hits[rule], rule
        assert figures == {"hits": len(hits[rule]), "judged": len(judged), "right": sum(judged.values())}, rule
        assert len(judged) == min(40, len(hits[rule])), rule


def test_a_rule_that_was_wrong_too_often_is_off() -> None:
    off = {rule.name for rule in rules.SHIPPED if not rules.is_on(rule)}
    assert off == {"gap-in-response"}
    assert off.isdisjoint(rule.name for rule in rules.default_rules())
