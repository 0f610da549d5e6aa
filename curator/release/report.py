"""The report: one HTML file with the decision, its evidence and plots, which opens anywhere without a network."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import jinja2
import matplotlib
from markupsafe import Markup
from matplotlib.figure import Figure

from curator import __version__, versions
from curator.errors import ReleaseError
from curator.quality.scoring import score
from curator.release.decision import assess
from curator.runs import metrics
from curator.stats.intervals import wilson
from curator.store import decisions, findings, outputs, runs, suites, verdicts
from curator.workspace import Workspace
from schemas.release import GateResult
from schemas.review import FindingStatus, Output, TaskScore
from schemas.run import MetricRow

matplotlib.rcParams["svg.hashsalt"] = "curator"  # the same figures give the same bytes
_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=jinja2.StrictUndefined
)
_INK = "#7a7a7a"  # readable on white and on black
_BASE, _TUNED = "#999999", "#2f80c8"
_EXAMPLES = 20


def write_report(workspace: Workspace, run_id: str, out: Path) -> Path:
    """The written file.

    Raises:
        ReleaseError: The file cannot be written.
    """
    with workspace.read() as connection:
        run = runs.get(connection, run_id)
        stored = outputs.of_run(connection, run.id)
        found = findings.of_run(connection, run.id)
        given = verdicts.of_run(connection, run.id)
        past = decisions.of_run(connection, run.id)
        known_suites = suites.summaries(connection)
    outcome, gates = assess(workspace, run.id)
    flagged = [output for output in stored if output.model == "tuned" and any(f.flag for f in found.get(output.id, []))]
    counts: dict[str, Counter[str]] = {}
    for each in found.values():
        for finding in each:
            counts.setdefault(finding.detector, Counter())[finding.status.value] += 1
            counts[finding.detector]["flagged"] += bool(finding.flag)
    html = _ENVIRONMENT.get_template("report.html.j2").render(
        run=run,
        version=versions.find(workspace, run.version_id),
        manifest=versions.manifest(workspace, run.version_id),
        outcome=outcome,
        gates=gates,
        decisions=past,
        suites=[suite for suite in known_suites if any(output.suite_id == suite.id for output in stored)],
        scores=task_scores(stored),
        counts=counts,
        statuses=[status.value for status in FindingStatus],
        flagged=[
            (output, [f for f in found[output.id] if f.flag], given.get(output.id, []))
            for output in flagged[:_EXAMPLES]
        ],
        flagged_total=len(flagged),
        loss_plot=_loss_plot(metrics(workspace, run.id)),
        gate_plot=_gate_plot([gate for gate in gates if gate.base_found is not None]),
        curator=__version__,
        written=workspace.clock(),
    )
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(html, encoding="utf-8")
    except OSError as error:
        raise ReleaseError(f"{out} cannot be written: {error.strerror}.", hint="Choose another place.") from error
    return out


def task_scores(stored: Sequence[Output]) -> list[TaskScore]:
    """Mean score per task and model over the prompts of category `task` that have a reference."""
    values: dict[tuple[str, str], dict[str, list[float]]] = {}
    for output in stored:
        prompt = output.prompt
        if prompt.category == "task" and prompt.reference is not None:
            compared = score(output.text, prompt.reference)
            sides = values.setdefault((prompt.task or "task", compared.measure), {"base": [], "tuned": []})
            sides[output.model].append(compared.value)
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
    """Rate of each defect for both models with Wilson intervals, and the limit of the gate."""
    if not any(gate.reviewed for gate in gates):
        return None
    figure = Figure(figsize=(7, 0.8 + 0.7 * len(gates)), layout="constrained")
    axes = figure.add_subplot()
    for row, gate in enumerate(gates):
        sides = ((gate.base_found, gate.base_reviewed, _BASE, 0.15), (gate.found, gate.reviewed, _TUNED, -0.15))
        for found, n, colour, shift in sides:
            if found is None or not n:
                continue
            interval = wilson(found, n)
            axes.plot([interval.lower, interval.upper], [row + shift] * 2, color=colour, linewidth=2)
            axes.plot([found / n], [row + shift], "o", color=colour)
        axes.plot([gate.limit] * 2, [row - 0.35, row + 0.35], color="#c02f2f", linewidth=1.5)
    axes.set_yticks(range(len(gates)), [gate.name for gate in gates])
    axes.set(xlim=(0, 1), xlabel="share of judged outputs: base grey, tuned blue, limit red; 95 % Wilson intervals")
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
