"""Accounts: links that work once, passwords that are never stored, failures that slow down, roles that are checked."""

from __future__ import annotations

import dataclasses
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from curator import Workspace
from curator.access import accounts, may, passwords, require, sessions
from curator.annotate import settings
from curator.errors import AccessError
from curator.store import accounts as store
from curator.store import events, projects
from schemas.account import Right, Role

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PASSWORD = "four brown hens"


class SetClock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def team(workspace: Workspace, clock: SetClock) -> Workspace:
    """A served workspace with the admin Ada."""
    served = dataclasses.replace(workspace, is_served=True, clock=clock)
    accounts.redeem(served, accounts.setup_link(served), name="Ada", password=PASSWORD)
    return served


def join(team: Workspace, name: str, role: Role) -> None:
    accounts.redeem(team, accounts.invite(team, role, actor="Ada"), name=name, password=PASSWORD)


def sign_in(team: Workspace, name: str, password: str = PASSWORD, address: str = "10.0.0.1") -> str:
    return passwords.sign_in(team, name, password, address=address)


@pytest.mark.parametrize(
    ("role", "rights"),
    [
        (Role.ANNOTATOR, {Right.ANNOTATE}),
        (Role.REVIEWER, {Right.ANNOTATE, Right.REVIEW}),
        (Role.LEAD, {Right.ANNOTATE, Right.REVIEW, Right.CURATE, Right.TRAIN, Right.DECIDE}),
        (Role.ADMIN, set(Right)),
    ],
)
def test_each_role_has_its_rights(role: Role, rights: set[Right]) -> None:
    assert {right for right in Right if may(role, right)} == rights


def test_without_accounts_everybody_may_do_everything(workspace: Workspace) -> None:
    served = dataclasses.replace(workspace, is_served=True)
    for right in Right:
        require(served, "anybody", right)


def test_what_an_annotator_may_not_do_is_refused_in_the_function_itself(team: Workspace) -> None:
    join(team, "Ben", Role.ANNOTATOR)
    with pytest.raises(AccessError, match="Ben has the role annotator, which may not curate"):
        settings.change(team, project_id=1, actor="Ben", min_rating=1)
    with pytest.raises(AccessError, match="nobody has no account"):
        settings.change(team, project_id=1, actor="nobody", min_rating=1)
    assert settings.change(team, project_id=1, actor="Ada", min_rating=1).min_rating == 1


def test_the_operator_of_the_folder_needs_no_account(team: Workspace) -> None:
    own = dataclasses.replace(team, is_served=False)
    assert settings.change(own, project_id=1, actor="root", min_rating=2).min_rating == 2


def test_the_setup_link_works_once_and_a_new_start_voids_the_old_one(workspace: Workspace) -> None:
    old = accounts.setup_link(workspace)
    new = accounts.setup_link(workspace)
    with pytest.raises(AccessError, match="used already"):
        accounts.redeem(workspace, old, name="Eve", password=PASSWORD)
    made = accounts.redeem(workspace, new, name=" Ada ", password=PASSWORD)
    assert (made.name, made.role) == ("Ada", Role.ADMIN)
    with pytest.raises(AccessError, match="used already"):
        accounts.redeem(workspace, new, name="Eve", password=PASSWORD)
    assert accounts.setup_link(workspace) is None


def test_a_link_ends_after_a_day(team: Workspace, clock: SetClock) -> None:
    token = accounts.invite(team, Role.LEAD, actor="Ada")
    clock.forward(hours=24)
    with pytest.raises(AccessError, match="older than a day"):
        accounts.redeem(team, token, name="Ben", password=PASSWORD)


def test_a_short_password_or_a_taken_name_leaves_the_link_good(team: Workspace) -> None:
    token = accounts.invite(team, Role.REVIEWER, actor="Ada")
    with pytest.raises(AccessError, match="fewer than 10"):
        accounts.redeem(team, token, name="Ben", password="short")
    with pytest.raises(AccessError, match="an account Ada already"):
        accounts.redeem(team, token, name="Ada", password=PASSWORD)
    assert accounts.redeem(team, token, name="Ben", password=PASSWORD).role is Role.REVIEWER


def test_no_secret_stands_in_the_database(team: Workspace) -> None:
    token = sign_in(team, "Ada")
    invite = accounts.invite(team, Role.LEAD, actor="Ada")
    with team.read() as connection:
        stored = [
            str(tuple(row))
            for table in ("person", "invite", "login_session", "event")
            for row in connection.execute(text(f"select * from {table}"))
        ]
    everything = "\n".join(stored)
    assert "$argon2id$" in everything
    for secret in (PASSWORD, token, invite):
        assert secret not in everything


def test_a_session_slides_and_ends(team: Workspace, clock: SetClock) -> None:
    token = sign_in(team, "Ada")
    clock.forward(days=13)
    assert sessions.who(team, token).name == "Ada"
    clock.forward(days=13)
    assert sessions.who(team, token).name == "Ada"
    clock.forward(days=14)
    assert sessions.who(team, token) is None
    assert sessions.who(team, "a guess") is None


def test_signing_out_ends_this_session_only(team: Workspace) -> None:
    first, second = sign_in(team, "Ada"), sign_in(team, "Ada")
    sessions.sign_out(team, first)
    assert sessions.who(team, first) is None
    assert sessions.who(team, second).name == "Ada"


def test_failures_slow_down_more_and_more_and_a_success_forgets_them(team: Workspace, clock: SetClock) -> None:
    for _ in range(5):
        with pytest.raises(AccessError, match="do not fit"):
            sign_in(team, "Ada", "wrong password")
    with pytest.raises(AccessError, match="Try again in 30 seconds"):
        sign_in(team, "Ada")  # even the right one, or a guess could be told from a refusal
    clock.forward(seconds=31)
    with pytest.raises(AccessError, match="do not fit"):
        sign_in(team, "Ada", "wrong password")
    with pytest.raises(AccessError, match="Try again in 60 seconds"):
        sign_in(team, "Ada")
    clock.forward(seconds=61)
    sign_in(team, "Ada")
    with pytest.raises(AccessError, match="do not fit"):
        sign_in(team, "Ada", "wrong password")


@pytest.mark.slow
def test_an_address_that_tries_many_names_is_slowed_down(team: Workspace) -> None:
    for n in range(20):
        with pytest.raises(AccessError, match="do not fit"):
            sign_in(team, f"guess {n}", address="10.9.9.9")
    with pytest.raises(AccessError, match="too many failed"):
        sign_in(team, "Ada", address="10.9.9.9")
    assert sign_in(team, "Ada", address="10.0.0.2")


def test_wrong_guesses_slow_the_guesser_and_not_the_owner(team: Workspace, clock: SetClock) -> None:
    for _ in range(5):
        with pytest.raises(AccessError, match="do not fit"):
            sign_in(team, "Ada", "a guess", address="10.6.6.6")
    with pytest.raises(AccessError, match="too many failed"):
        sign_in(team, "Ada", "a guess", address="10.6.6.6")
    assert sign_in(team, "Ada", address="10.0.0.2")
    with pytest.raises(AccessError, match="too many failed"):  # the owner's success is no news to the guesser
        sign_in(team, "Ada", "a guess", address="10.6.6.6")


def test_a_guesser_is_no_other_one_at_each_address_of_a_network_that_one_machine_has(team: Workspace) -> None:
    for n in range(5):
        with pytest.raises(AccessError, match="do not fit"):
            sign_in(team, "Ada", "a guess", address=f"2001:db8:1:2:{n}::1")
    with pytest.raises(AccessError, match="too many failed"):
        sign_in(team, "Ada", "a guess", address="2001:db8:1:2:ffff::9%eth0")
    assert sign_in(team, "Ada", address="2001:db8:1:3::1")


@pytest.mark.slow
def test_guesses_from_many_addresses_get_one_each_and_the_owner_still_signs_in(team: Workspace) -> None:
    for n in range(60):
        with pytest.raises(AccessError, match="do not fit"):
            sign_in(team, "Ada", "a guess", address=f"10.6.6.{n}")
    with pytest.raises(AccessError, match="too many failed"):
        sign_in(team, "Ada", "another guess", address="10.6.6.1")
    assert sign_in(team, "Ada", address="10.0.0.2")


def test_attempts_sent_at_once_are_slowed_down_like_those_one_by_one(team: Workspace) -> None:
    def attempt(n: int) -> str:
        try:
            return sign_in(team, "Ada", f"guess {n}")
        except AccessError as error:
            return error.problem

    with ThreadPoolExecutor(40) as pool:
        said = Counter(pool.map(attempt, range(40)))
    assert said == {"Name and password do not fit.": 5, "There were too many failed attempts.": 35}


def test_attempts_that_are_too_old_to_count_are_forgotten(team: Workspace, clock: SetClock) -> None:
    for name in ("Ada", "Ada", "nobody"):
        with pytest.raises(AccessError):
            sign_in(team, name, "wrong password")
    clock.forward(minutes=15)
    with pytest.raises(AccessError):
        sign_in(team, "somebody", "wrong password")
    with team.read() as connection:
        assert connection.execute(text("select name from login_failure")).scalars().all() == ["somebody"]


@pytest.mark.parametrize("name", ["Ada" + "a" * 100_000, "Ada\x00", ""])
def test_a_name_that_nobody_can_have_fails_like_any_other(team: Workspace, name: str) -> None:
    with pytest.raises(AccessError, match="do not fit"):
        sign_in(team, name)
    with team.read() as connection:
        assert len(connection.execute(text("select name from login_failure")).scalar_one()) <= 101


def test_the_last_admin_stays(team: Workspace) -> None:
    join(team, "Ben", Role.LEAD)
    for change in (
        lambda: accounts.disable(team, "Ada", actor="Ada"),
        lambda: accounts.set_role(team, "Ada", Role.LEAD, actor="Ada"),
    ):
        with pytest.raises(AccessError, match="last admin"):
            change()
    accounts.set_role(team, "Ben", Role.ADMIN, actor="Ada")
    accounts.disable(team, "Ada", actor="Ben")
    assert [each.disabled for each in accounts.all_accounts(team)] == [True, False]


def test_two_admins_who_demote_each_other_at_once_leave_one(team: Workspace) -> None:
    def demote(pair: tuple[str, str]) -> bool:
        try:
            accounts.set_role(team, pair[0], Role.LEAD, actor=pair[1])
        except AccessError:
            return False
        return True

    join(team, "Ben", Role.ADMIN)
    for _ in range(5):
        with ThreadPoolExecutor(2) as pool:
            done = list(pool.map(demote, [("Ada", "Ben"), ("Ben", "Ada")]))
        assert sorted(done) == [False, True]
        with team.write() as connection:
            for name in ("Ada", "Ben"):
                store.set_role(connection, name, Role.ADMIN)


def test_an_admin_who_is_disabled_leaves_no_way_in_behind(team: Workspace) -> None:
    join(team, "Ben", Role.ADMIN)
    token = accounts.invite(team, Role.ADMIN, actor="Ben")
    accounts.disable(team, "Ben", actor="Ada")
    with pytest.raises(AccessError, match="used already"):
        accounts.redeem(team, token, name="Eve", password=PASSWORD)


def test_disabling_ends_every_session_at_once_and_enabling_lets_back_in(team: Workspace) -> None:
    join(team, "Ben", Role.LEAD)
    token = sign_in(team, "Ben")
    accounts.disable(team, "Ben", actor="Ada")
    assert sessions.who(team, token) is None
    with pytest.raises(AccessError, match="do not fit"):
        sign_in(team, "Ben")
    accounts.enable(team, "Ben", actor="Ada")
    assert sessions.who(team, sign_in(team, "Ben")).role is Role.LEAD


def test_a_reset_changes_the_password_and_ends_other_sessions(team: Workspace) -> None:
    join(team, "Ben", Role.LEAD)
    before = sign_in(team, "Ben")
    token = accounts.reset(team, "Ben", actor="Ada")
    accounts.redeem(team, token, name="somebody else", password="five brown hens")
    assert sessions.who(team, before) is None
    with pytest.raises(AccessError):
        sign_in(team, "Ben")
    assert sessions.who(team, sign_in(team, "Ben", "five brown hens")).role is Role.LEAD


def test_a_disabled_account_stays_disabled_whatever_links_it_has(team: Workspace) -> None:
    join(team, "Ben", Role.LEAD)
    token = accounts.reset(team, "Ben", actor="Ada")
    accounts.disable(team, "Ben", actor="Ada")
    with pytest.raises(AccessError, match="used already"):
        accounts.redeem(team, token, name="", password="five brown hens")
    with pytest.raises(AccessError, match="Ben is disabled"):
        accounts.reset(team, "Ben", actor="Ada")
    accounts.enable(team, "Ben", actor="Ada")
    with pytest.raises(AccessError, match="used already"):  # being enabled brings no link back
        accounts.redeem(team, token, name="", password="five brown hens")
    assert sessions.who(team, sign_in(team, "Ben")).role is Role.LEAD


def test_a_link_made_while_an_account_was_being_disabled_is_refused(team: Workspace) -> None:
    join(team, "Ben", Role.LEAD)
    accounts.disable(team, "Ben", actor="Ada")
    with team.write() as connection:
        store.add_link(
            connection, accounts.digest("late"), purpose="reset", role=Role.LEAD, name="Ben",
            expires_at=NOON + timedelta(hours=1), actor="Ada",
        )  # fmt: skip
    with pytest.raises(AccessError, match="Ben is disabled"):
        accounts.redeem(team, "late", name="", password="five brown hens")
    assert [each.disabled for each in accounts.all_accounts(team)] == [False, True]


def test_an_invitation_gives_no_disabled_name_its_access_back(team: Workspace) -> None:
    with team.write() as connection:
        projects.ensure_person(connection, "Ben", at=NOON)  # worked here before there were accounts
    accounts.disable(team, "Ben", actor="Ada")
    token = accounts.invite(team, Role.LEAD, actor="Ada")
    with pytest.raises(AccessError, match="Ben is disabled"):
        accounts.redeem(team, token, name="Ben", password=PASSWORD)
    assert accounts.redeem(team, token, name="Eve", password=PASSWORD).role is Role.LEAD


def test_of_several_reset_links_the_newest_alone_works_and_once(team: Workspace) -> None:
    join(team, "Ben", Role.LEAD)
    first, second = (accounts.reset(team, "Ben", actor="Ada") for _ in range(2))
    with pytest.raises(AccessError, match="used already"):
        accounts.redeem(team, first, name="", password="five brown hens")
    accounts.redeem(team, second, name="", password="five brown hens")
    with pytest.raises(AccessError, match="used already"):
        accounts.redeem(team, second, name="", password="nine brown hens")


@pytest.mark.parametrize("name", ["", "  ", "a\x07b", "a\x00b", "x" * 101, "\u202eadA", "A\u200bda", "A\u00adda"])
def test_a_name_that_cannot_stand_beside_an_answer_makes_no_account(team: Workspace, name: str) -> None:
    token = accounts.invite(team, Role.LEAD, actor="Ada")
    with pytest.raises(AccessError, match="The name is empty"):
        accounts.redeem(team, token, name=name, password=PASSWORD)


@pytest.mark.parametrize(
    "name", ["curator", "Server", "ada", "ADA", "\uff21da\u2002", "\u0410d\u0430", "\u0441urator", "\u0405er\u200dver"]
)
def test_a_reserved_name_and_one_that_looks_like_another_make_no_account(team: Workspace, name: str) -> None:
    token = accounts.invite(team, Role.LEAD, actor="Ada")
    with pytest.raises(AccessError, match=r"looks like|There is an account Ada already"):
        accounts.redeem(team, token, name=name, password=PASSWORD)


def test_a_name_is_found_in_whatever_form_it_is_typed(team: Workspace) -> None:
    join(team, "Zo\u00eb  M\u00fcller", Role.LEAD)
    for typed in ("Zo\u00eb M\u00fcller", "Zoe\u0308 Mu\u0308ller", "\uff3ao\u00eb\u3000M\u00fcller "):
        assert sessions.who(team, sign_in(team, typed)).name == "Zo\u00eb M\u00fcller"


def test_who_worked_here_before_there_were_accounts_gets_one_under_the_same_name(team: Workspace) -> None:
    with team.write() as connection:
        for name in ("ben", "Ben"):
            projects.ensure_person(connection, name, at=NOON)
    join(team, "Ben", Role.LEAD)
    with pytest.raises(AccessError, match="looks like"):
        join(team, "BEN", Role.LEAD)


def test_only_an_admin_manages_accounts_and_every_change_is_logged(team: Workspace) -> None:
    join(team, "Ben", Role.LEAD)
    with pytest.raises(AccessError, match="may not manage accounts"):
        accounts.invite(team, Role.ADMIN, actor="Ben")
    accounts.set_role(team, "Ben", Role.REVIEWER, actor="Ada")
    with team.read() as connection:
        log = [(each.kind, each.actor) for each in events.about(connection, "person Ben")]
    assert log == [("account-made", "Ben"), ("role", "Ada")]


def test_a_name_that_annotated_before_there_were_accounts_can_be_taken_over(workspace: Workspace) -> None:
    with workspace.write() as connection:
        projects.ensure_person(connection, "Ada", at=workspace.clock())
    made = accounts.redeem(workspace, accounts.setup_link(workspace), name="Ada", password=PASSWORD)
    assert (made.role, made.has_password) == (Role.ADMIN, True)
