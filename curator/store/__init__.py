"""Live state: the only home of SQL on the database. One file per noun; every function takes a connection."""

from sqlalchemy import Connection

__all__ = ["Connection"]
