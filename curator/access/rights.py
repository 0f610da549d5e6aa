"""Which role may do what, and the check that functions make before they act for a person.

A workspace without accounts asks no one who they are: one person, one machine. A caller who opens its folder from
Python or the command line is its operator. The check is for those who come through a server.
"""

from __future__ import annotations

from curator.errors import AccessError
from curator.store import accounts
from curator.workspace import Workspace
from schemas.account import Account, Right, Role

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
    is_allowed, account = _look_up(workspace, actor, right)
    if not is_allowed:
        role = "no account" if account is None else f"the role {account.role}"
        raise AccessError(
            f"{actor} has {role}, which may not {_SAID[right]}.", hint=f"Ask a person with the role {_NEEDED[right]}."
        )


def has_right(workspace: Workspace, actor: str, right: Right) -> bool:
    """Whether `require` lets a person pass: for what some do everywhere and others on their own records only."""
    return _look_up(workspace, actor, right)[0]


def _look_up(workspace: Workspace, actor: str, right: Right) -> tuple[bool, Account | None]:
    """Whether a person may do this, and their account where that is what counts."""
    if not workspace.is_served:
        return True, None
    with workspace.read() as connection:
        if not accounts.any_password(connection):
            return True, None
        account = accounts.find(connection, actor)
    return account is not None and not account.disabled and may(account.role, right), account


_SAID = {
    Right.ANNOTATE: "annotate",
    Right.REVIEW: "review outputs",
    Right.CURATE: "curate the data",
    Right.TRAIN: "train models",
    Right.DECIDE: "decide about releases",
    Right.ACCOUNTS: "manage accounts",
}
