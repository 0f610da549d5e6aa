"""The conditional objective beside the joint one: same data, same model, same steps, several seeds.

    python benchmarks/objective.py                                  # the sample data
    python benchmarks/objective.py --data ../shared/data/gsm8k_train.jsonl --records 2000

Conditional puts loss on response tokens only (log p(response | instruction)); joint on every token (log p(instruction,
response)). Both are judged by what the product is for: the loss of held-out responses, and how many held-out tasks are
answered rightly by greedy decoding. Each objective trains at the learning rates given and is judged at its own best
one, chosen on the validation split; the test split is looked at once.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from scipy.stats import t

from curator import open_workspace, runs, versions
from curator.ingest import import_file
from curator.quality.scoring import score
from curator.runs.generation import load_pair
from curator.samples import sample_folder
from curator.stats.intervals import wilson
from curator.training.completion import complete
from curator.training.template import prompt_ids
from curator.workspace import Workspace
from schemas.importing import FieldMap
from schemas.review import Decoding
from schemas.run import Run, TrainConfig
from schemas.version import Split, SplitPlan

OBJECTIVES = {"conditional": 0.0, "joint": 1.0}
_NUMBER = re.compile(r"####\s*(-?[\d,.]+)")


def load(workspace: Workspace, options: argparse.Namespace) -> str:
    """Import and freeze the data; the id of the version."""
    if options.data is None:
        for file in sorted(sample_folder().glob("*_*.json*")) + sorted(sample_folder().glob("*.csv")):
            import_file(workspace, file, actor="benchmark", accept=True)
    else:
        lines = options.data.read_text(encoding="utf-8").splitlines()[: options.records]
        part = workspace.folder / "part.jsonl"
        part.write_text("\n".join(lines), encoding="utf-8")
        mapped = FieldMap(columns={"prompt": "question", "completion": "answer"}) if '"question"' in lines[0] else None
        import_file(workspace, part, actor="benchmark", accept=True, field_map=mapped)
    plan = SplitPlan(train=0.7, validation=0.1, test=0.2)
    return versions.freeze(workspace, actor="benchmark", plan=plan).id


def is_right(said: str, reference: str) -> float:
    """1 for a right answer; the number after #### where the reference has one, else exact match or field accuracy."""
    wanted = _NUMBER.search(reference)
    if wanted is None:
        return score(said, reference).value
    given = _NUMBER.search(said)
    return float(given is not None and given.group(1).replace(",", "") == wanted.group(1).replace(",", ""))


def answer_rightly(workspace: Workspace, run: Run, *, most: int, max_new_tokens: int) -> list[float]:
    """Score of the tuned model on each of the first `most` held-out tasks."""
    pair = load_pair(workspace, run.id)
    rows = [
        row for row, _ in zip(versions.rows(workspace, run.version_id, split=Split.TEST), range(most), strict=False)
    ]
    asked = [prompt_ids(row.record.context, pair.tokenizer) for row in rows]
    decoding = Decoding(max_new_tokens=max_new_tokens)
    scores = [0.0] * len(rows)
    for n, said in complete(pair.tuned, pair.tokenizer, asked, decoding=decoding):
        scores[n] = is_right(said.text, rows[n].record.response)
    return scores


def train(workspace: Workspace, version: str, options: argparse.Namespace, **changes: Any) -> Run:
    """One run; the same but for what is compared."""
    config = TrainConfig(
        base=str(options.base),
        epochs=options.epochs,
        early_stopping=None,
        record_losses=False,
        warmup_share=0.05,
        max_steps=options.max_steps,
        **changes,
    )
    return runs.train(workspace, version, config, actor="benchmark")


def best_validation(workspace: Workspace, run: Run) -> float:
    """The smallest validation loss of a run, nats per response token."""
    return min(row.validation_nll for row in runs.metrics(workspace, run.id) if row.validation_nll is not None)


def interval(values: list[float]) -> tuple[float, float]:
    """Two-sided 95 % t interval of a mean over seeds."""
    spread = float(t.ppf(0.975, len(values) - 1)) * statistics.stdev(values) / len(values) ** 0.5
    return statistics.mean(values) - spread, statistics.mean(values) + spread


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Every objective at every learning rate with the first seed, then at its best one with all seeds."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = open_workspace(folder, create=True)
        version = load(workspace, options)
        found: dict[str, Any] = {}
        for name, weight in OBJECTIVES.items():
            tried = {}
            for rate in options.rates:
                run = train(workspace, version, options, prompt_loss_weight=weight, learning_rate=rate, seed=0)
                tried[rate] = (best_validation(workspace, run), run)
                print(f"{name} at {rate:g}: validation {tried[rate][0]:.4f}", file=sys.stderr)
            rate = min(tried, key=lambda rate: tried[rate][0])
            repeats = [tried[rate][1]]
            for seed in range(1, options.seeds):
                repeats.append(
                    train(workspace, version, options, prompt_loss_weight=weight, learning_rate=rate, seed=seed)
                )
            scores = [
                answer_rightly(workspace, run, most=options.asked, max_new_tokens=options.max_new_tokens)
                for run in repeats
            ]
            results = [run.result for run in repeats if run.result is not None]
            found[name] = {
                "learning_rate": rate,
                "nll": [result.heldout_tuned.nll for result in results if result.heldout_tuned],
                "nll_base": results[0].heldout_base.nll if results[0].heldout_base else None,
                "records": results[0].heldout_tuned.records if results[0].heldout_tuned else 0,
                "accuracy": [statistics.mean(each) for each in scores],
                "asked": len(scores[0]),
            }
    nll = [one - other for one, other in zip(found["conditional"]["nll"], found["joint"]["nll"], strict=True)]
    right = [
        one - other for one, other in zip(found["conditional"]["accuracy"], found["joint"]["accuracy"], strict=True)
    ]
    return {
        "data": "sample data" if options.data is None else options.data.name,
        "seeds": options.seeds,
        "objectives": found,
        "conditional_minus_joint": {
            "nll": statistics.mean(nll),
            "nll_interval": interval(nll),
            "accuracy": statistics.mean(right),
            "accuracy_interval": interval(right),
        },
    }


def describe(report: dict[str, Any]) -> str:
    """The report as text."""
    lines = [f"{report['data']}, {report['seeds']} seeds"]
    for name, row in report["objectives"].items():
        mean = statistics.mean(row["accuracy"])
        bounds = wilson(round(mean * row["asked"]), row["asked"])
        lines.append(
            f"{name:<12} learning rate {row['learning_rate']:g}; held-out response loss "
            f"{statistics.mean(row['nll']):.4f} ({min(row['nll']):.4f} to {max(row['nll']):.4f}), base "
            f"{row['nll_base']:.4f}; right {mean:.3f} of {row['asked']} ({bounds.lower:.3f} to {bounds.upper:.3f})"
        )
    change = report["conditional_minus_joint"]
    lines.append(
        f"conditional minus joint: loss {change['nll']:+.4f} ({change['nll_interval'][0]:+.4f} to "
        f"{change['nll_interval'][1]:+.4f}), right {change['accuracy']:+.3f} ({change['accuracy_interval'][0]:+.3f} to "
        f"{change['accuracy_interval'][1]:+.3f}), 95 % over seeds"
    )
    return "\n".join(lines)


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--data", type=Path, help="JSON lines instead of the sample data")
    parser.add_argument("--records", type=int, default=2000, help="first rows of --data")
    parser.add_argument("--base", type=Path, default=sample_folder() / "base_model")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rates", type=float, nargs="+", default=[2.5e-4, 5e-4, 1e-3])
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--max-steps", type=int)
    parser.add_argument("--asked", type=int, default=200)
    parser.add_argument("--max-new-tokens", type=int, default=48)
    options = parser.parse_args()
    if options.seeds < 2:
        parser.error("an interval over seeds needs at least two")
    if options.quick:
        options.seeds, options.max_steps, options.asked, options.rates = 2, 20, 16, [5e-4]
    report = measure(options)
    print(json.dumps(report) if options.json else describe(report))


if __name__ == "__main__":
    main()
