"""These tests need libraries that `make compat` installs (`requirements.txt`); no other run sees them."""

from __future__ import annotations

from importlib.util import find_spec

_NEEDS = {"test_trl.py": "trl", "test_ray.py": "ray"}

collect_ignore = [file for file, library in _NEEDS.items() if find_spec(library) is None]
