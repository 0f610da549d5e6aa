"""The dataset card of a `datasets` folder: what is in it, how it was divided, under which licences.

It names no source file: the bytes of an export do not depend on what a file was called. Sources stand in the manifest.
"""

from __future__ import annotations

from collections.abc import Sequence

from schemas.version import Manifest, Split

FILE = "README.md"
_KNOWN_LICENCES = {
    "mit", "apache-2.0", "bsd-3-clause", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0",
    "cc-by-3.0", "cc-by-sa-3.0", "odc-by", "pddl", "unlicense",
}  # fmt: skip
"""Names that dataset hubs know as they are written here."""


def write(stated: Manifest, splits: Sequence[Split]) -> str:
    """The card as Markdown, its metadata as YAML in front."""
    licences = {name.strip().lower() for name in stated.licences}
    is_known = len(licences) == 1 and licences <= _KNOWN_LICENCES
    files = "".join(f"  - split: {split.value}\n    path: {split.value}/*.arrow\n" for split in splits)
    counts = "".join(f"| {split.value} | {stated.splits[split]:,} |\n" for split in splits)
    arrivals = "".join(
        f"| {_cell(name) or 'not stated'} | {rows:,} |\n" for name, rows in sorted(stated.licences.items())
    )
    return f"""---
license: {next(iter(licences)) if is_known else "other"}
task_categories:
- text-generation
tags:
- instruction-tuning
configs:
- config_name: default
  data_files:
{files}---

# Version {stated.id[:12]}

{stated.rows:,} records for supervised fine-tuning, frozen by Curator. The version's id is a hash of its rows:
`{stated.id}`.

| Split | Rows |
|---|---|
{counts}
Records of one group, and records that ask the same, stand in one split.

| Licence, as the sources state it | Rows that came in with it |
|---|---|
{arrivals}
## Columns

| Column | Holds |
|---|---|
| `messages` | the conversation; `train` says whether a turn carries loss, `tool_calls` what it calls |
| `instruction`, `response` | the last question and answer of `messages` |
| `tools` | definitions of tools, each the JSON text of an object |
| `rejected`, `prompt_length` | of a pair: the worse messages, which stand in the place of `messages[prompt_length:]` |
| `desirable` | whether the response is one to learn (KTO) |
| `alternative` | a second response that was not compared with the first |
| `groups`, `labels` | what ties rows together, and what they were given (a JSON object as text) |
| `row_id`, `content_hash`, `training_hash` | identity of the row |
"""


def _cell(text: str) -> str:
    """Text in a cell of a table: it cannot end the cell or the line."""
    return " ".join(text.replace("|", "\\|").split())
