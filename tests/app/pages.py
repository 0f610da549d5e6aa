"""Pages drawn without a browser: what tests open, press and read on them."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Block

from app.identity import WORKSPACE_VARIABLE
from curator import Workspace
from curator.store import records
from tests.conftest import REPOSITORY

PAGES = (
    "overview",
    "import_data",
    "quarantine",
    "annotate",
    "history",
    "records",
    "profile",
    "duplicates",
    "adjudicate",
    "team",
    "project",
    "coverage",
    "versions",
    "train",
    "runs",
    "losses",
    "chat",
    "outputs",
    "vote",
    "review",
    "decide",
    "accounts",
)


def draw(
    page: str, workspace: Workspace, monkeypatch: pytest.MonkeyPatch, person: str = "Ada", **address: str
) -> AppTest:
    """The page as Ada sees it, in her own session; `address` is what a link says beside the page."""
    monkeypatch.setenv(WORKSPACE_VARIABLE, str(workspace.folder))
    script = str(REPOSITORY / "app" / "main.py")
    app = AppTest.from_file(script, default_timeout=120)  # seconds: an upper bound for a busy machine
    app.session_state["person"] = person
    app.run()
    for name, value in address.items():
        app.query_params[name] = value
    app.switch_page(f"views/{page}.py").run()
    assert not app.exception, app.exception
    return app


def texts(app: AppTest | Block) -> str:
    """Every text of a page, or of a part of it."""
    kinds = (app.info, app.success, app.warning, app.error, app.markdown, app.caption, app.title, app.text)
    return "\n".join(element.value for kind in kinds for element in kind)


def press(app: AppTest, label: str) -> AppTest:
    return next(button for button in app.button if button.label == label).click().run()


def states(workspace: Workspace) -> list[str]:
    with workspace.read() as connection:
        return sorted(each.state.value for each in records.page(connection, 1))
