"""The same run as in the tests of the review."""

from tests.review.conftest import add_outputs, reviewed

__all__ = ["add_outputs", "reviewed"]
