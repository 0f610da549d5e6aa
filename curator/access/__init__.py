"""Accounts, roles and sign-in: who may do what is decided here and not in pages."""

from curator.access import accounts, passwords, people, sessions
from curator.access.rights import has_right, lowest_role, may, require

__all__ = ["accounts", "has_right", "lowest_role", "may", "passwords", "people", "require", "sessions"]
