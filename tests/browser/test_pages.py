"""What holds for every page: it loads nothing from elsewhere, runs nothing it was given, and keeps to its policy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from curator import Workspace, review, versions
from curator.annotate import adjudicate, answers, comments, questions, queue, settings
from curator.ingest import import_file
from curator.runs import folder
from curator.store import outputs, projects, records, runs, systems
from schemas.annotation import Answer
from schemas.questions import BUILT_IN, Option, Question, QuestionSet
from schemas.review import Decoding
from schemas.run import HeldOutLoss, LedgerRow, MetricRow, RunResult, RunState, TrainConfig
from schemas.version import SplitPlan, Version
from tests.app.pages import PAGES
from tests.browser.labelling.screen import Serve
from tests.browser.people import known_as
from tests.conftest import make_record

pytestmark = pytest.mark.browser

ELSEWHERE = "planted.example"
PLANTED = (
    f'<img src="http://{ELSEWHERE}/1.png"> ![x](http://{ELSEWHERE}/2.png) [y](http://{ELSEWHERE}/3) '
    f"<style>@import 'http://{ELSEWHERE}/4';</style><script>fetch('http://{ELSEWHERE}/5')</script> "
    f"<iframe src=http://{ELSEWHERE}/6></iframe><link rel=prefetch href=http://{ELSEWHERE}/7>"
)
"""What asks another server for something, were it taken for HTML or for Markdown."""
NAME = f"![n](http://{ELSEWHERE}/8.png)"
RUN = "20260301-120000-abcdef"

_WATCH = """
window.violations = []
document.addEventListener("securitypolicyviolation",
  (each) => window.violations.push(`${each.violatedDirective} ${each.blockedURI} ${each.sourceFile} ${each.sample}`))
"""


@pytest.fixture
def planted(workspace: Workspace, tmp_path: Path) -> Iterator[Workspace]:
    """A workspace in which every text that a person or a file may bring tries to reach another server."""
    file = tmp_path / "planted.jsonl"
    rows = [{"instruction": f"{n} {PLANTED}", "response": f"{PLANTED} {n}", "topic": PLANTED} for n in range(3)]
    file.write_text("\n".join([*map(json.dumps, rows), json.dumps({"instruction": PLANTED}), PLANTED]))
    import_file(workspace, file, actor=NAME)
    with workspace.write() as connection:
        accepted = [make_record(f"{n} {PLANTED}", PLANTED) for n in range(10, 20)]
        records.add_many(connection, accepted, project=projects.by_name(connection), at=workspace.clock(), accept=True)
    title = Question(id="planted", kind="choice", title=PLANTED, guide=PLANTED, options=_options())
    questions.change_questions(workspace, QuestionSet(questions=(*BUILT_IN, title)), project_id=1, actor=NAME)
    questions.set_guideline(workspace, PLANTED, project_id=1, actor=NAME)
    settings.create(workspace, NAME, actor=NAME)
    flagged = queue.next_task(workspace, NAME, project_id=1)
    answers.flag(workspace, flagged.claim, Answer(response=PLANTED), annotator=NAME, reason=PLANTED)
    comments.add(workspace, flagged.claim.record_id, PLANTED, author=NAME)
    adjudicate.rule(
        workspace, adjudicate.ask(workspace, flagged.claim.record_id, PLANTED, author=NAME), PLANTED, actor=NAME
    )
    version = versions.freeze(workspace, actor=NAME, name=NAME, plan=SplitPlan(train=1, validation=0, test=0))
    suite = tmp_path / "suite.jsonl"
    suite.write_text(json.dumps({"id": "p", "prompt": f"asked {PLANTED}", "category": "harm", "reference": PLANTED}))
    asked = review.add_suite(workspace, suite, actor=NAME, name=NAME)
    said = tmp_path / "said.jsonl"
    said.write_text(json.dumps({"prompt_id": "p", "output": PLANTED}))
    review.import_outputs(workspace, said, suite=NAME, system=NAME, actor=NAME)
    review.screen_run(workspace, NAME, actor=NAME)
    _add_run(workspace, version, suite_id=asked.id)
    yield workspace


def _add_run(workspace: Workspace, version: Version, *, suite_id: str) -> None:
    """A run that ended, with its losses and what its models said."""
    with workspace.write() as connection:
        settings_of_run = TrainConfig(base=NAME)
        now = workspace.clock()
        runs.add(
            connection, RUN, version_id=version.id, config=settings_of_run, actor=NAME, at=now, name=NAME, note=PLANTED
        )
        loss = HeldOutLoss(split="test", records=1, response_tokens=20, nll=3.0)
        result = RunResult(steps=1, response_tokens=9, heldout_base=loss, heldout_tuned=loss, seconds=1.0)
        runs.end(connection, RUN, RunState.DONE, at=now, result=result)
        systems.ensure_run(connection, RUN, actor=NAME, at=now)
        said = [
            outputs.NewOutput(0, model, 0, f"{model} {PLANTED}", 5, True, Decoding()) for model in ("base", "tuned")
        ]
        outputs.add_many(connection, said, system_id=RUN, suite_id=suite_id, at=now)
    [row, *_] = versions.rows(workspace, version.id)
    measured = [
        LedgerRow(row_id=row.row_id, split=row.split, phase=phase, step=0, epoch=0, tokens=5, nll=nll)
        for phase, nll in (("base", 3.0), ("tuned", 4.0))
    ]
    folder.folder_of(workspace, RUN).mkdir(parents=True)
    folder.append(folder.folder_of(workspace, RUN) / folder.LEDGER, measured)
    folder.append(folder.folder_of(workspace, RUN) / folder.METRICS, [MetricRow(step=1, at=now, loss=1.0)])
    (folder.folder_of(workspace, RUN) / folder.LOG).write_text(PLANTED)


def _options() -> tuple[Option, ...]:
    return tuple(Option(value=value, label=f"{value} {PLANTED}") for value in ("one", "two"))


def test_no_page_asks_another_server_for_anything_whatever_its_texts_hold(
    planted: Workspace, serve: Serve, page: Page
) -> None:
    address = serve(planted.folder)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url.replace("ws", "http", 1)))
    page.add_init_script(_WATCH)
    page.goto(known_as(page, f"{address}/", NAME))
    expect(page.get_by_role("link", name="Overview")).to_be_visible()
    violations: list[str] = []
    for name in PAGES:
        page.goto(f"{address}/{name}")
        expect(page.get_by_role("link", name="Overview")).to_be_visible()
        expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)
        page.wait_for_load_state("networkidle")
        if name in ("annotate", "records", "adjudicate", "project", "outputs", "runs", "vote"):
            expect(page.get_by_text(ELSEWHERE).first).to_be_attached()  # it is shown, as text
        violations += [f"{name}: {each}" for each in page.evaluate("window.violations")]
    assert not violations, "\n".join(violations)
    assert [url for url in asked if not url.startswith((address, "data:", f"blob:{address}"))] == []
    assert page.evaluate("fetch('http://planted.example/').then(() => 'sent', () => 'refused')") == "refused"
