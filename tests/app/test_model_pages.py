"""The pages around a run, with a real run of the two-layer model behind them."""

from __future__ import annotations

from pathlib import Path

import pytest

from curator import Workspace, base_models, runs
from curator.runs import assessment
from curator.store import records
from schemas.annotation import RecordState
from schemas.run import MetricRow, Run, RunState
from tests.app.pages import PAGES, draw, texts
from tests.runs.conftest import base_folder, frozen, tokenizer
from tests.runs.small import Frozen, config, ended

__all__ = ["base_folder", "frozen", "tokenizer"]


@pytest.fixture
def trained(frozen: Frozen, base_folder: Path) -> tuple[Workspace, Run]:
    workspace, version = frozen
    return workspace, runs.train(workspace, version.id, config(base_folder, epochs=2), actor="Ada")


def press(app: object, label: str) -> None:
    next(button for button in app.button if button.label == label).click().run()  # type: ignore[attr-defined]


def test_the_train_page_shows_curves_and_what_was_chosen(
    trained: tuple[Workspace, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = draw("train", trained[0], monkeypatch)
    shown = texts(app)
    assert "records go through the model flat" in shown.replace("\\", "")
    assert "divided once" in shown
    assert [metric.label for metric in app.metric][:2] == ["Held-out loss before", "Held-out loss after"]
    assert '"log"' not in app.get("vega_lite_chart")[0].proto.spec
    app.slider(key="smoothing").set_value(0.6)
    app.toggle(key="log scale").set_value(True).run()
    assert "Training is smoothed" in texts(app)
    assert '"log"' in app.get("vega_lite_chart")[0].proto.spec


def test_a_check_before_the_start_says_what_a_run_would_do(
    trained: tuple[Workspace, Run], base_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base_models.add(trained[0], base_folder, name="small", actor="Lea")
    app = draw("train", trained[0], monkeypatch)
    assert app.query_params["base"] == "small"
    press(app, "Check")
    assert "Nothing speaks against a start." in texts(app)
    assert {metric.label for metric in app.metric} >= {"Records that train", "Tokens", "Steps", "Time", "Memory"}
    assert ":green-background[" in texts(app)  # the token view tints what carries loss
    app.text_input(key="config max_tokens").set_value("10").run()
    press(app, "Check")
    assert "something to learn" in "".join(error.value for error in app.error)


def test_a_setting_that_cannot_be_used_is_named_and_nothing_starts(
    trained: tuple[Workspace, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, _ = trained
    app = draw("train", workspace, monkeypatch)
    app.text_input(key="config epochs").set_value("many").run()
    press(app, "Start")
    assert "epochs" in app.error[0].value
    assert len(runs.watch(workspace)) == 1


def test_a_stopped_run_is_resumed_from_the_page_and_then_deleted(
    frozen: Frozen, base_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, version = frozen

    def stop(step: object, _: int) -> None:
        [run] = runs.watch(workspace)
        runs.request_stop(workspace, run.id, actor="Ada")

    runs.train(workspace, version.id, config(base_folder, epochs=4), actor="Ada", on_step=stop)
    app = draw("train", workspace, monkeypatch)
    press(app, "Resume")
    [run] = runs.watch(workspace)
    run = ended(workspace, run.id)
    assert run.state is RunState.DONE, runs.log_tail(workspace, run.id)
    app = draw("train", workspace, monkeypatch)
    press(app, "Delete this run")
    assert runs.watch(workspace) == []


def test_an_assessed_run_shows_its_gates_in_words(
    trained: tuple[Workspace, Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, run = trained
    file = tmp_path / "retention.jsonl"
    file.write_text('{"prompt": "One?", "reference": "Two."}')
    assessment.assess(workspace, run.id, actor="Ada", retention=file, max_new_tokens=4)
    app = draw("runs", workspace, monkeypatch)
    shown = texts(app)
    assert "it learnt" in shown
    assert "it stops" in shown
    assert next(button for button in app.button if button.label == "Promote").disabled


def test_record_losses_send_a_record_back(trained: tuple[Workspace, Run], monkeypatch: pytest.MonkeyPatch) -> None:
    workspace, _ = trained
    app = draw("losses", workspace, monkeypatch)
    assert "records, the doubtful ones first" in texts(app)
    record_id = app.dataframe[0].value.iloc[0]["record"]
    press(app, "Back to the annotators")
    assert "before all others" in texts(app)
    with workspace.read() as connection:
        assert records.get(connection, record_id).state is RecordState.WAITING


def test_both_models_answer_in_the_chat(trained: tuple[Workspace, Run], monkeypatch: pytest.MonkeyPatch) -> None:
    app = draw("chat", trained[0], monkeypatch)
    next(each for each in app.number_input if each.label == "Longest answer").set_value(8).run()
    app.chat_input[0].set_value("Say 3 twice.").run(timeout=60)
    assert not app.error
    assert [message.name for message in app.chat_message] == ["user", "assistant", "assistant"]
    app.chat_input[0].set_value("Go on. " * 200).run(timeout=60)
    assert "more than the 512 that the model can hold" in app.error[0].value.replace("\\", "")


def test_a_run_of_ten_thousand_steps_is_drawn_thinned(
    trained: tuple[Workspace, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, run = trained
    file = runs.folder_of(workspace, run.id) / "metrics.jsonl"
    at = workspace.clock()
    rows = [
        MetricRow(step=n, at=at, loss=1 / n, learning_rate=1e-3, gradient_norm=1.0, tokens=9, seconds=n / 10)
        for n in range(1, 10_001)
    ]
    file.write_bytes(b"".join(row.model_dump_json(exclude_none=True).encode() + b"\n" for row in rows))
    app = draw("train", workspace, monkeypatch)
    assert "mean of about 25 steps" in texts(app)


def test_no_page_shows_a_bare_string_of_its_own_code(
    trained: tuple[Workspace, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Streamlit draws a string that stands alone in a page's script, such as a comment in triple quotes."""
    for page in set(PAGES) - {"annotate"}:  # which begins with the progress line
        app = draw(page, trained[0], monkeypatch)
        first = app.main.children[0]
        assert first.type == "title", (page, first)
