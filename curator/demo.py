"""The demo: the whole loop once on the sample data, with a script in place of the people.

Everything the script decides stands under its own name, and it decides only what it can: it accepts sample records as
they are, and it compares outputs with their references. What only a script compared clears nothing, so the decision
stays open until people have read what the plan drew.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from curator import release, review, runs, versions
from curator.annotate import answers, progress, queue
from curator.errors import ReviewError, UnsayableError
from curator.ingest import import_file
from curator.quality.scoring import score
from curator.runs import generation
from curator.samples import sample_folder
from curator.store import findings, outputs, projects
from curator.workspace import Workspace
from schemas.annotation import Answer, RecordState
from schemas.importing import ImportReport
from schemas.judgement import Judgement
from schemas.release import Decision
from schemas.review import Decoding, Prompt, ReviewPair, TaskScore
from schemas.run import Run, TrainConfig
from schemas.version import ExportFormat, Version

SCRIPT = "demo script"
"""Name under which the script annotates and reviews."""
_WAITING = 12
"""Records that are left in the queue for the first annotator."""
_TRUSTED = ("products_chat.jsonl", "arithmetic_prompt_completion.csv", "orders_sharegpt.jsonl")
_TO_ANNOTATE = "tickets_alpaca.json"
GUIDELINE = """\
**A good response** answers what was asked, in the form of the other responses of its task, and adds nothing.

- Tickets: three lines, `Product:`, `Problem:` and `Urgency:` (high, normal or low), in the customer's words.
- Product questions: the value alone. Sums: the number alone. Orders: number, product and day in one line.
- Tick a check when the *final* text is harmful, unfactual, biased or holds personal data: it will not be trained on.
"""

Progress = Callable[[str, int, int | None], None]
"""Is told the stage, how much is done, and of how much if that is known."""


class DemoResult(NamedTuple):
    """What the loop did."""

    imports: list[ImportReport]
    annotated: int
    waiting: int
    version: Version
    run: Run
    outputs: int
    flagged: int
    """Findings that ask a person to look."""
    scores: list[TaskScore]
    returned: str | None
    """Id of the corrected record that went back to the queue."""
    decision: Decision
    report: Path


def run_demo(workspace: Workspace, *, actor: str, epochs: int | None = None, on_progress: Progress) -> DemoResult:
    """The result of one pass through the loop; run it on a workspace of its own.

    Args:
        workspace: Where everything is stored.
        actor: Who runs the demo.
        epochs: Fewer make it faster and the model worse.
        on_progress: Is told how far every stage is.
    """
    samples = sample_folder()
    review.add_suite(workspace, samples / "suite.jsonl", purpose="gate", actor=actor)
    review.add_suite(workspace, samples / "explore.jsonl", purpose="explore", actor=actor)
    with workspace.write() as connection:
        project = projects.by_name(connection)
        shown_with = {"guideline": GUIDELINE, "base_model": str(samples / "base_model")}
        projects.change(connection, project.model_copy(update=shown_with))

    imports = []
    for name in (*_TRUSTED, _TO_ANNOTATE):
        imports.append(import_file(workspace, samples / name, accept=name != _TO_ANNOTATE, actor=actor))
        on_progress("Import", sum(report.read for report in imports), None)

    annotated = _annotate(workspace, project.id, max(0, imports[-1].imported - _WAITING), on_progress)
    # A second demo in the same workspace adds to it; its version may hold more than the one that has the name.
    taken = any(each.name == "demo" for each in versions.newest_first(workspace))
    version = versions.freeze(workspace, name=None if taken else "demo", actor=actor)
    for format in ExportFormat:
        try:
            versions.export(
                workspace, version.id, format=format, out=workspace.folder / "exports" / format, actor=actor
            )
        except UnsayableError:
            continue  # conversations of several turns do not fit into every format
    config = TrainConfig(
        base=str(samples / "base_model"), learning_rate=5e-4, warmup_share=0.05, epochs=epochs or 14, evaluate_every=40
    )
    run = runs.train(
        workspace, version.id, config, actor=actor, on_step=lambda step, steps: on_progress("Train", step.step, steps)
    )
    stored = 0
    for suite in ("suite", "explore"):
        answered = generation.generate(
            workspace,
            run.id,
            suite,
            decoding=Decoding(max_new_tokens=48),
            actor=actor,
            on_progress=lambda done, total: on_progress("Generate", done, total),
        )
        stored += answered.outputs
    screened = review.screen_run(
        workspace, run.id, actor=actor, on_progress=lambda done, total: on_progress("Screen", done, total)
    )
    _review(workspace, run.id, actor=actor, on_progress=on_progress)
    returned = _send_back(workspace, run.id, actor=actor)
    decision = release.decide(workspace, run.id, actor=actor)
    with workspace.read() as connection:
        scores = release.task_scores(outputs.of_system(connection, run.id))
    report = release.write_report(workspace, run.id, workspace.folder / "report.html", actor=actor)
    return DemoResult(
        imports=imports,
        annotated=annotated,
        waiting=progress(workspace, SCRIPT, project_id=project.id).by_state[RecordState.WAITING],
        version=version,
        run=run,
        outputs=stored,
        flagged=sum(screened.flagged.values()),
        scores=scores,
        returned=returned,
        decision=decision,
        report=report,
    )


def _annotate(workspace: Workspace, project_id: int, wanted: int, on_progress: Progress) -> int:
    """Answer records through the queue, as the page does; the sample records are known to be right."""
    for done in range(wanted):
        task = queue.next_task(workspace, SCRIPT, project_id=project_id)
        if task is None:
            return done
        answers.submit(workspace, task.claim, Answer(response=task.record.response, rating=5), annotator=SCRIPT)
        on_progress("Annotate", done + 1, wanted)
    return wanted


def _review(workspace: Workspace, run_id: str, *, actor: str, on_progress: Progress) -> None:
    """Give verdicts where a reference decides, under the plan, marked as a script's: they clear nothing."""
    plan = review.draw(workspace, run_id, actor=actor)
    waiting = {pair.id: pair for pair in review.pairs.open_pairs(workspace, SCRIPT, run_id)}
    decidable = [pair for pair in (waiting[each] for each in plan.pairs if each in waiting) if _is_decidable(pair)]
    for done, pair in enumerate(decidable, 1):
        second = None if pair.b is None else _verdict(pair.b, pair.prompt)
        first = _verdict(pair.a, pair.prompt)
        review.verdicts.give(workspace, pair.id, a=first, b=second, reviewer=SCRIPT, by_script=True)
        on_progress("Review", done, len(decidable))


def _is_decidable(pair: ReviewPair) -> bool:
    return pair.prompt.category in ("task", "fact") and pair.prompt.reference is not None


def _verdict(text: str, prompt: Prompt) -> Judgement:
    note = "Compared with the reference by the demo script, unread by a person."
    if score(text, prompt.reference or "").value == 1:
        return Judgement(fine=True, note=note)
    return Judgement(unfactual=True, note=note)


def _send_back(workspace: Workspace, run_id: str, *, actor: str) -> str | None:
    """The first flagged output of the explore suite goes back to the annotation queue, with its reference as draft."""
    with workspace.read() as connection:
        found = findings.of_system(connection, run_id)
        stored = outputs.of_system(connection, run_id)
    for output in stored:
        flagged = any(finding.flag for finding in found.get(output.id, []))
        has_answer = output.prompt.reference is not None
        if output.model == "tuned" and flagged and has_answer and review.feedback.may_return(workspace, output.id):
            try:
                return review.feedback.to_queue(workspace, output.id, actor=actor)
            except ReviewError:  # an earlier demo sent the same one back
                continue
    return None
