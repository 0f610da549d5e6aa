"""These tests need libraries that `make compat` installs (`requirements.txt`); no other run sees them."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore = [] if find_spec("trl") else ["test_trl.py"]
