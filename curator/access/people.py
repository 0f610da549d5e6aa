"""People where no one signs in: the name that a person types is theirs, unless a reader could take it for another's.

It proves nothing about who they are, so this keeps apart what stands beside answers; accounts keep people apart.
"""

from __future__ import annotations

from curator.access import names
from curator.errors import AccessError
from curator.store import accounts, projects
from curator.workspace import Workspace


def called(workspace: Workspace, typed: str) -> str:
    """The name of the person who typed this: the very same name is the same person.

    Raises:
        AccessError: It cannot stand beside an answer, is reserved for the program, or looks like another person's.
    """
    typed = typed.strip()
    if not names.can_stand(typed) or not names.can_stand(names.tidy(typed)):
        raise AccessError(
            f"The name is empty, has characters that cannot be seen, or more than {names.LONGEST_NAME}.",
            hint="Enter the name you work under.",
        )
    with workspace.read() as connection:
        is_known = accounts.find(connection, typed) is not None  # as releases before this one took it
        name = typed if is_known else names.tidy(typed)
        known = [name] if accounts.find(connection, name) else [each.name for each in accounts.all_accounts(connection)]
    other = names.taken_for(name, known)
    if other in names.RESERVED:
        raise AccessError(f"The name {name} is reserved for what Curator does.", hint="Choose another name.")
    if other is not None:
        raise AccessError(
            f"The name {name} looks like that of {other}, who works here.",
            hint=f"Enter {other} if that is you, or choose another name.",
        )
    return name


def enter(workspace: Workspace, typed: str) -> str:
    """Register the person who typed this. Returns their name.

    Raises:
        AccessError: As for `called`.
    """
    name = called(workspace, typed)
    with workspace.write() as connection:
        projects.ensure_person(connection, name, at=workspace.clock())
    return name
