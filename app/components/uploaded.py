"""A file that a browser sent, on the disk: its name is shown to people and never decides where it lies."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from streamlit.runtime.uploaded_file_manager import UploadedFile

ANY_SIZE = 10**6
"""MB: no file is refused in the browser, by its size or its kind, since that would leave the last one in its place; the
server refuses a file over its limit itself."""
_LONGEST = 200
"""Bytes of a file's name; file systems take 255."""


def write(sent: UploadedFile, folder: Path) -> Path:
    """Write it into a folder of ours, under its own name where that is the name of a file. Returns where."""
    file = folder / file_name(sent.name)
    file.write_bytes(sent.getbuffer())
    return file


def file_name(said: str) -> str:
    """The name of a file that a browser said, or another where that would lead elsewhere or is none.

    >>> file_name("../../answers.jsonl"), file_name(".."), file_name("a" + chr(0))
    ('answers.jsonl', 'upload', 'upload')
    """
    name = said.replace("\\", "/").rpartition("/")[2]
    is_name = name not in ("", ".", "..") and name.isprintable() and len(name.encode(errors="replace")) <= _LONGEST
    return name if is_name else "upload"


@contextmanager
def on_disk(sent: UploadedFile) -> Iterator[Path]:
    """The file in a folder of its own, for as long as it is read."""
    with tempfile.TemporaryDirectory() as folder:
        yield write(sent, Path(folder))
