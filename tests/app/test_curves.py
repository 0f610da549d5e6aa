"""Curves of a run that has hardly anything to draw."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from tests.app.pages import texts

_ONE_STEP_WITHOUT_LOSS = """
from datetime import UTC, datetime

from app.components import curves
from schemas.run import MetricRow

curves.show([MetricRow(step=1, at=datetime(2026, 3, 1, tzinfo=UTC), loss=0.0)])
"""


def test_a_single_loss_of_zero_is_drawn_and_on_a_log_scale_said_not_to_be() -> None:
    app = AppTest.from_string(_ONE_STEP_WITHOUT_LOSS, default_timeout=120).run()
    assert not app.exception
    drawn = len(app.get("vega_lite_chart"))
    app.toggle[0].set_value(True).run()
    assert not app.exception
    assert len(app.get("vega_lite_chart")) == drawn - 1
    assert "Nothing is measured yet that a log scale can show." in texts(app)
