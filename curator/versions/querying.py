"""Querying: DuckDB over the files of versions, whose damage ends in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from curator.errors import VersionError


@contextmanager
def querying(*versions: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that reads the files of some versions, named in the error.

    Raises:
        VersionError: A file is missing, was cut or is not the Parquet that was frozen.
    """
    with duckdb.connect() as connection:
        try:
            yield connection
        except duckdb.Error as error:
            named = " or ".join(each[:12] for each in versions)
            raise VersionError(
                f"The files of version {named} cannot be read: {str(error).splitlines()[0]}",
                hint="Freeze the same records again, which writes them anew, or restore the folder from a backup.",
            ) from error
