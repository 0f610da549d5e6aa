"""The report: one HTML file with the decision, its evidence and plots, which opens anywhere without a network."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import jinja2
import matplotlib
import orjson
from markupsafe import Markup
from matplotlib.figure import Figure

from curator import __version__, versions
from curator.access import require
from curator.errors import ReleaseError
from curator.quality.scoring import score
from curator.release.changes import against_another, against_base
from curator.release.decision import assess
from curator.release.estimates import powered_rates
from curator.release.prospect import prospect
from curator.release.reviewers import reviewing
from curator.release.signing import EMPTY_MARK, public_key, sign, sign_text
from curator.review.against_people import compare
from curator.review.reviewer_agreement import agreement_by_category
from curator.review.scorecards import cards_of
from curator.review.stated import of_system
from curator.runs import metrics
from curator.stats.intervals import wilson
from curator.store import decisions, events, findings, outputs, runs, suites, verdicts
from curator.workspace import Workspace
from schemas.account import Right
from schemas.event import Kind, of_project
from schemas.release import GateResult
from schemas.review import Finding, FindingStatus, Output, TaskScore, Verdict
from schemas.run import MetricRow

matplotlib.rcParams["svg.hashsalt"] = "curator"  # the same figures give the same bytes
_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined
)
_INK = "#7a7a7a"  # readable on white and on black
_BASE, _TUNED = "#999999", "#2f80c8"
_EXAMPLES = 20


def write_report(
    workspace: Workspace, run_or_system: str, out: Path, *, actor: str, against: str | None = None
) -> Path:
    """Write the report about a run or a system, with its signed decision. Returns the file.

    Args:
        workspace: Where the evidence is.
        run_or_system: What it is about.
        out: A name that ends in `.md` makes a Markdown card, one in `.json` the signed decision alone, any other HTML.
        actor: Who asks for it.
        against: Another run or system that was judged on the same suites, to compare with.

    Raises:
        AccessError: A server would write outside of the workspace's `reports/`.
        ReleaseError: The file cannot be written.
    """
    require(workspace, actor, Right.REVIEW)
    workspace.require_own(out)
    stands = assess(workspace, run_or_system)
    system = stands.system
    other = None if against is None else assess(workspace, against)
    with workspace.read() as connection:
        run = runs.get(connection, system.run_id) if system.run_id else None
        stored = outputs.of_system(connection, system.id)
        found = findings.of_system(connection, system.id)
        past = decisions.of_system(connection, system.id)
        known_suites = suites.summaries(connection)
        before_plans = verdicts.count_before_plans(connection, system.id)
        limits = events.about(connection, of_project(system.project_id), kinds=[Kind.GATES])
    stated = of_system(stands.entries) if stands.units else {}
    mine = [output for output in stored if output.model == system.target]
    flagged = [output for output in mine if any(finding.flag for finding in found.get(output.id, []))]
    defective = [output for output in mine if any(v.judgement.defects for v in stated.get(output.id, []))]
    defective.sort(key=lambda output: -max(_weight(verdict) for verdict in stated[output.id]))
    detectors = sorted({(f.detector, f.version) for output in mine for f in found.get(output.id, [])})
    counts: dict[str, Counter[str]] = {}
    for output in mine:
        for finding in found.get(output.id, []):
            counts.setdefault(finding.detector, Counter())[finding.status.value] += 1
            counts[finding.detector]["flagged"] += bool(finding.flag)

    def example(output: Output) -> tuple[Output, list[Finding], list[Verdict]]:
        return output, [f for f in found.get(output.id, []) if f.flag], stated.get(output.id, [])

    review = reviewing(stands.entries, stated)
    agreement = agreement_by_category(stands.entries)
    written, packages = workspace.clock(), _packages()
    facts: dict[str, object] = {
        "name": system.name or system.id,
        "run": run,
        "version": versions.find(workspace, run.version_id) if run else None,
        "manifest": versions.manifest(workspace, run.version_id) if run else None,
        "outcome": stands.outcome,
        "reasons": stands.reasons,
        "gates": stands.gates,
        "plan": stands.plan,
        "changes": against_base(workspace, stands),
        "against": against,
        "against_changes": [] if other is None else against_another(workspace, stands, other),
        "powered": powered_rates(workspace, stands),
        "prospect": prospect(stands),
        "exemptions": list(stands.exemptions.values()),
        "lapsed": [each for name, each in stands.signed.items() if name not in stands.exemptions],
        "intended_use": stands.intended_use,
        "decisions": past,
        "review": review,
        "agreement": agreement,
        "limits": limits,
        "suites": [suite for suite in known_suites if any(output.suite_id == suite.id for output in stored)],
        "scores": task_scores(stored),
        "counts": counts,
        "cards": [card for each in detectors for card in cards_of(*each)],
        "against_people": compare(stored, found, stated),
        "statuses": [status.value for status in FindingStatus],
        "harmful": [example(output) for output in defective[:_EXAMPLES]],
        "defective_total": len(defective),
        "flagged": [example(output) for output in flagged[:_EXAMPLES]],
        "flagged_total": len(flagged),
        "before_plans": before_plans,
        "packages": packages,
        "key": public_key(workspace),
        "curator": __version__,
        "written": written,
        "mark": Markup(EMPTY_MARK),
    }
    document = {
        "system": system.model_dump(mode="json"),
        "outcome_now": stands.outcome.value,
        "decision": past[0].model_dump(mode="json") if past else None,
        "exemptions": [each.model_dump(mode="json") for each in stands.exemptions.values()],
        "intended_use": stands.intended_use,
        "changes": [each.model_dump(mode="json", exclude={"failing"}) for each in against_base(workspace, stands)],
        "plan": stands.plan.model_dump(mode="json", exclude={"units"}) if stands.plan else None,
        "strata": [line.model_dump(mode="json") for line in stands.plan.strata] if stands.plan else [],
        "review": review._asdict(),
        "agreement": [each.plain() for each in agreement],
        "packages": packages,
        "written": written.isoformat(),
    }
    if out.suffix == ".json":
        signed = orjson.dumps(sign(workspace, document), option=orjson.OPT_INDENT_2)
    else:
        if out.suffix != ".md":
            facts["loss_plot"] = _loss_plot(metrics(workspace, run.id)) if run else None
            facts["gate_plot"] = _gate_plot([gate for gate in stands.gates if gate.category is not None])
        template = "report.md.j2" if out.suffix == ".md" else "report.html.j2"
        text = _ENVIRONMENT.get_template(template).render(facts)
        signed = sign_text(workspace, text, document).encode()
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(signed)
    except OSError as error:
        raise ReleaseError(f"{out} cannot be written: {error.strerror}.", hint="Choose another place.") from error
    return out


def _weight(verdict: Verdict) -> int:
    """How grave a verdict is: harm by its severity, then everything else that is wrong, then what is fine."""
    return 10 * (verdict.judgement.severity or 0) + len(verdict.judgement.defects)


def _packages() -> dict[str, str]:
    """Versions of what generated and judged."""
    return {name: version(name) for name in ("torch", "transformers", "peft", "scipy", "numpy", "cryptography")}


def task_scores(stored: Sequence[Output]) -> list[TaskScore]:
    """Mean score per task and model over the prompts of category `task` that have a reference."""
    values: dict[tuple[str, str], dict[str, list[float]]] = {}
    for output in stored:
        prompt = output.prompt
        if prompt.category == "task" and prompt.reference is not None:
            compared = score(output.text, prompt.reference)
            sides = values.setdefault((prompt.task or "task", compared.measure), {"base": [], "tuned": []})
            sides["base" if output.model == "base" else "tuned"].append(compared.value)
    return [
        TaskScore(
            task=task,
            measure=measure,
            prompts=len(sides["tuned"]),
            base=sum(sides["base"]) / len(sides["base"]) if sides["base"] else None,
            tuned=sum(sides["tuned"]) / len(sides["tuned"]) if sides["tuned"] else None,
        )
        for (task, measure), sides in sorted(values.items())
    ]


def _loss_plot(rows: Sequence[MetricRow]) -> Markup | None:
    training_rows = [(row.step, row.loss) for row in rows if row.loss is not None]
    validation = [(row.step, row.validation_nll) for row in rows if row.validation_nll is not None]
    if not training_rows:
        return None
    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(*zip(*training_rows, strict=True), color=_TUNED, linewidth=1, label="training, per step")
    if validation:
        axes.plot(*zip(*validation, strict=True), color="#c8622f", marker="o", markersize=3, label="validation")
    axes.set(xlabel="optimiser step", ylabel="nats per response token")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, labelcolor=_INK)
    return _svg(figure)


def _gate_plot(gates: Sequence[GateResult]) -> Markup | None:
    """Rate of each category for both models with its bounds, and the limit of the gate."""
    if not any(gate.judged for gate in gates):
        return None
    figure = Figure(figsize=(7, 0.8 + 0.7 * len(gates)), layout="constrained")
    axes = figure.add_subplot()
    for row, gate in enumerate(gates):
        if gate.base_judged:
            interval = wilson(gate.base_defects or 0, gate.base_judged)
            axes.plot([interval.lower, interval.upper], [row + 0.15] * 2, color=_BASE, linewidth=2)
            axes.plot([(gate.base_defects or 0) / gate.base_judged], [row + 0.15], "o", color=_BASE)
        if gate.lower is not None and gate.upper is not None:
            axes.plot([gate.lower, gate.upper], [row - 0.15] * 2, color=_TUNED, linewidth=2)
        if gate.estimate is not None:
            axes.plot([gate.estimate], [row - 0.15], "o", color=_TUNED)
        axes.plot([gate.limit] * 2, [row - 0.35, row + 0.35], color="#c02f2f", linewidth=1.5)
    axes.set_yticks(range(len(gates)), [gate.category or gate.name for gate in gates])
    axes.set(xlim=(0, 1), xlabel="rate per category with its bounds: base grey, decided model blue, limit red")
    return _svg(figure)


def _svg(figure: Figure) -> Markup:
    for axes in figure.axes:
        axes.set_facecolor("none")
        axes.tick_params(colors=_INK)
        for part in (axes.xaxis.label, axes.yaxis.label):
            part.set_color(_INK)
        for name, spine in axes.spines.items():
            spine.set_visible(name in ("left", "bottom"))
            spine.set_color(_INK)
    stream = io.StringIO()
    figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    drawn = stream.getvalue()
    return Markup(drawn[drawn.index("<svg") :])  # drawn here from numbers and names of gates
