"""The sample data that comes with Curator: files in every format, suites, and a small base model."""

from __future__ import annotations

from pathlib import Path

from curator.errors import SettingsError


def sample_folder() -> Path:
    """The sample data: inside the installed package, or beside it in a checkout.

    Raises:
        SettingsError: It is in neither place.
    """
    package = Path(__file__).resolve().parent
    for folder in (package / "sample_data", package.parent / "sample_data"):
        if folder.is_dir():
            return folder
    raise SettingsError("The sample data is missing from this installation.", hint="Install curator-toolkit again.")
