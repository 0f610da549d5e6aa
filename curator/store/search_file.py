"""The file of SQLite's index of words: `search.db` beside the database.

A file of its own, since writing an index takes long and would hold up everyone who writes the database, and since a
backup need not carry what can be made again. Every connection sees it through ATTACH, for reading only: a transaction
that writes the database takes no lock on it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

FILE = "search.db"
SCHEMA = "search"
"""Its name in queries."""
_BUSY_SECONDS = 15.0


def attach(database: sqlite3.Connection) -> None:
    """Let a connection see the index beside its database, which is made where it is missing. Returns nothing."""
    place = next(row[2] for row in database.execute("PRAGMA database_list") if row[1] == "main")
    if not place:
        return
    file = Path(place).with_name(FILE)
    if not file.exists() or not file.stat().st_size:
        _create(file)
    database.execute(f"ATTACH ? AS {SCHEMA}", [f"{file.as_uri()}?mode=ro"])


def _create(file: Path) -> None:
    """Make an empty index that only its owner reads; two processes may do so in the same moment."""
    os.close(os.open(file, os.O_CREAT, 0o600))
    with writing(file) as index:
        index.execute(
            "CREATE TABLE IF NOT EXISTS progress"
            " (project_id INTEGER PRIMARY KEY, last_key INTEGER NOT NULL, last_hash BLOB NOT NULL)"
        )
        with suppress(sqlite3.OperationalError):  # this SQLite has no FTS5 or no trigrams; then all texts are read
            _create_words(index)


def _create_words(index: sqlite3.Connection) -> None:
    index.execute(
        "CREATE VIRTUAL TABLE IF NOT EXISTS words"
        " USING fts5(text, content='', columnsize=0, tokenize='trigram case_sensitive 1')"
    )


@contextmanager
def writing(file: Path) -> Iterator[sqlite3.Connection]:
    """A transaction that writes the index; whoever writes the database does not wait for it."""
    with closing(sqlite3.connect(file, isolation_level=None, timeout=_BUSY_SECONDS)) as index:
        index.execute("PRAGMA journal_mode=WAL")
        index.execute("PRAGMA synchronous=NORMAL")  # what a power cut takes is indexed again
        index.execute("BEGIN IMMEDIATE")
        yield index
        index.execute("COMMIT")


def empty(index: sqlite3.Connection) -> None:
    """Forget all words; for an index of a database that stood in the place of this one. Returns nothing."""
    index.execute("DROP TABLE words")
    index.execute("DELETE FROM progress")
    _create_words(index)
