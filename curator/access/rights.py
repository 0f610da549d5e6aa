"""Which role may do what, and the check that functions make before they act for a person.

A workspace without accounts asks no one who they are: one person, one machine. A caller who opens its folder from
Python or the command line is its operator. The check is for those who come through a server.
"""

from __future__ import annotations

from curator.errors import AccessError
from curator.store import accounts
from curator.workspace import Workspace
from schemas.account import Right, Role

_NEEDED = {
    Right.ANNOTATE: Role.ANNOTATOR,
    Right.REVIEW: Role.REVIEWER,
    Right.CURATE: Role.LEAD,
    Right.TRAIN: Role.LEAD,
    Right.DECIDE: Role.LEAD,
    Right.ACCOUNTS: Role.ADMIN,
}
"""The lowest role that has a right."""
_ORDER = list(Role)


def may(role: Role, right: Right) -> bool:
    """Whether a role has a right."""
    return _ORDER.index(role) >= _ORDER.index(_NEEDED[right])


def lowest_role(right: Right) -> Role:
    """The role from which on people have a right."""
    return _NEEDED[right]


def require(workspace: Workspace, actor: str, right: Right) -> None:
    """Do nothing if a person may do this.

    Raises:
        AccessError: They come through a server that knows accounts, and their role does not have the right.
    """
    if not workspace.is_served:
        return
    with workspace.read() as connection:
        if not accounts.any_password(connection):
            return
        account = accounts.find(connection, actor)
    if account is None or account.disabled or not may(account.role, right):
        role = "no account" if account is None else f"the role {account.role}"
        raise AccessError(
            f"{actor} has {role}, which may not {_SAID[right]}.", hint=f"Ask a person with the role {_NEEDED[right]}."
        )


_SAID = {
    Right.ANNOTATE: "annotate",
    Right.REVIEW: "review outputs",
    Right.CURATE: "curate the data",
    Right.TRAIN: "train models",
    Right.DECIDE: "decide about releases",
    Right.ACCOUNTS: "manage accounts",
}
