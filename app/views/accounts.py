"""Accounts: who may sign in, with which role; links for those who cannot yet."""

from __future__ import annotations

import streamlit as st

from app import state
from app.components import notice
from curator import Workspace
from curator.access import accounts, require
from schemas.account import Account, Right, Role


def render(workspace: Workspace, person: str) -> None:
    """The list of accounts, and the links that make new ones."""
    st.title("Accounts", anchor=False)
    require(workspace, person, Right.ACCOUNTS)
    known = [account for account in accounts.all_accounts(workspace) if account.has_password]
    message = state.once("accounts")
    if isinstance(message, str):
        st.success(message)
    if not known:
        st.info(
            "Here everyone types a name and may do everything. To work as a team with passwords and roles, make the "
            "first account.",
            icon=":material/lock_open:",
        )
        if st.button("Make a link for the first admin"):
            with notice.errors():
                token = accounts.setup_link(workspace)
                _show_link("It works once, for a day. From then on everyone signs in.", token or "")
        return
    for account in known:
        _row(workspace, account, person)
    st.subheader("Invite a colleague", anchor=False)
    columns = st.columns([2, 1], vertical_alignment="bottom")
    role = columns[0].selectbox("Role", [each.value for each in Role], format_func=_said)
    if columns[1].button("Make a link", width="stretch"):
        with notice.errors():
            _show_link(
                "Send it to one person. It works once, for a day.", accounts.invite(workspace, Role(role), actor=person)
            )


_MAY = {
    Role.ANNOTATOR: "annotates",
    Role.REVIEWER: "also reviews outputs",
    Role.LEAD: "also curates, trains and decides",
    Role.ADMIN: "also manages accounts",
}


def _said(role: str) -> str:
    return f"{role}: {_MAY[Role(role)]}"


def _row(workspace: Workspace, account: Account, person: str) -> None:
    columns = st.columns([3, 3, 2, 2], vertical_alignment="center")
    seen = "never seen" if account.last_seen is None else f"seen {account.last_seen:%Y-%m-%d %H:%M} UTC"
    columns[0].markdown(f"**{notice.plain(account.name)}**{' :orange[disabled]' if account.disabled else ''}  \n{seen}")
    role = Role(
        columns[1].selectbox(
            f"Role of {notice.plain(account.name)}",
            [each.value for each in Role],
            index=list(Role).index(account.role),
            key=f"role {account.name} {account.role}",
            label_visibility="collapsed",
        )
    )
    with notice.errors():
        if role is not account.role:
            accounts.set_role(workspace, account.name, role, actor=person)
            _done(f"{account.name} is {role.value} now.")
        if account.disabled:
            if columns[2].button("Enable", key=f"enable {account.name}", width="stretch"):
                accounts.enable(workspace, account.name, actor=person)
                _done(f"{account.name} may sign in again.")
        elif columns[2].button("Disable", key=f"disable {account.name}", width="stretch"):
            accounts.disable(workspace, account.name, actor=person)
            _done(f"{account.name} is signed out everywhere and may not come back.")
        if columns[3].button("Reset password", key=f"reset {account.name}", disabled=account.disabled, width="stretch"):
            _show_link(
                f"Send it to {account.name}. It works once, for a day; links made before it do not work any more.",
                accounts.reset(workspace, account.name, actor=person),
            )


def _show_link(what: str, token: str) -> None:
    st.caption(notice.plain(what))
    st.code(f"{state.address()}/auth/account?token={token}", language=None)


def _done(message: str) -> None:
    state.remember("accounts", notice.plain(message))
    st.rerun()


if __name__ == "__main__":
    with notice.errors():
        render(state.workspace(), notice.person_needed())
