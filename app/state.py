"""The only module that knows session-state keys and cached resources.

Facts live in the database; what stands here are choices on screen: who I am, which project, which run I look at.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, ParamSpec
from urllib.parse import unquote, urlsplit

import streamlit as st

from app import identity
from app.identity import workspace as workspace
from curator import access
from curator.access import people, sessions
from curator.errors import AccessError
from curator.store import projects
from schemas.account import Account, Right
from schemas.project import Project

if TYPE_CHECKING:
    from streamlit.elements.lib.mutable_tab_container import TabContainer

    from curator.runs.generation import Pair

P = ParamSpec("P")

_PERSON = "person"
_PROJECT = "project"
_PAGE = "page title"
TYPED_NAME = "typed name"
"""The field of the first visit."""


@st.cache_resource(show_spinner="Loading PyTorch, some seconds, once after the server started")
def load_pytorch() -> None:
    """Import what pages about models need, one browser at a time: two threads that import transformers break it."""
    for module in ("curator.runs", "curator.runs.generation", "curator.runs.assessment"):
        importlib.import_module(module)


@st.cache_resource(show_spinner="Loading both models", max_entries=1)
def models(folder: str, run_id: str) -> Pair:
    """Base and tuned model of a run; those of the run asked for last stay in memory."""
    from curator.runs import generation  # torch takes seconds to import: only the page that talks to models pays for it

    return generation.load_pair(workspace(), run_id)


def account() -> Account | None:
    """Who is signed in at this browser; None where no one has to."""
    token = st.context.cookies.get(identity.COOKIE)
    return sessions.who(workspace(), token) if isinstance(token, str) else None  # tests of pages have no browser


def person() -> str | None:
    """Name of the person at this browser, or None before it is known. Where people sign in, only that counts."""
    signed_in = account()
    if signed_in is not None:
        return signed_in.name
    if identity.sign_in_is_required():
        say_signed_out()
        st.stop()
    return st.session_state.get(_PERSON) or None


def is_signed_out(signed_in: Account | None) -> bool:
    """Whether this browser has to sign in: its session ended, or its account was disabled, with a page open."""
    return signed_in is None and identity.sign_in_is_required()


def say_signed_out() -> None:
    """Draw the way back in, in this tab: links of Streamlit open another."""
    st.warning("You are signed out.", icon=":material/lock:")
    st.html('<a href="/auth/sign-in" target="_self">Sign in</a>')


def say_closed(title: str, right: Right) -> None:
    """Draw why a page does not open."""
    st.title(title, anchor=False)
    st.info(f"This page is for people with the role {access.lowest_role(right)} or above.", icon=":material/lock:")


def _sign_out() -> None:
    """End the session; its cookie, which no page can remove, opens nothing any more."""
    token = st.context.cookies.get(identity.COOKIE)
    if isinstance(token, str):
        sessions.sign_out(workspace(), token)
    st.rerun()


def may(signed_in: Account | None, right: Right) -> bool:
    """Whether the person at this browser may do something; without sign-in everyone may do everything."""
    if signed_in is None:
        return not identity.sign_in_is_required()
    return access.may(signed_in.role, right)


def live(draw: Callable[P, None], *, every: float | None) -> Callable[P, None]:
    """A part of a page that redraws itself every so many seconds, for as long as its browser may see it."""

    @functools.wraps(draw)
    def checked(*args: P.args, **kwargs: P.kwargs) -> None:
        if is_signed_out(account()):  # such a redraw does not come through the navigation, which would see to it
            st.rerun()
        draw(*args, **kwargs)

    redrawn: Callable[P, None] = st.fragment(checked, run_every=every)
    return redrawn


def address() -> str:
    """Where this browser reached the server, as in `http://127.0.0.1:8501`."""
    parts = urlsplit(st.context.url or "")
    return f"{parts.scheme}://{parts.netloc}"


def project() -> Project:
    """The project that this browser works in."""
    with workspace().read() as connection:
        chosen = st.session_state.get(_PROJECT)
        known = {each.name: each for each in projects.all_projects(connection)}
    return known.get(chosen or "") or next(iter(known.values()))


def enter_project(name: str) -> None:
    """Make this project the one that the browser works in, from the next redraw on."""
    remember("entered project", name)


def know_person(signed_in: Account | None) -> None:
    """Take the name of the person from the browser's cookie.

    A name in the address is a proposal for the field of the first visit: who opens a link is not its sender.
    """
    if signed_in is not None:
        return
    if _PERSON not in st.session_state:
        st.session_state[_PERSON] = _kept_name()
    proposed = st.query_params.get(_PERSON)
    if proposed is not None:
        del st.query_params[_PERSON]
        if not st.session_state[_PERSON]:
            st.session_state.setdefault(TYPED_NAME, proposed)


def _kept_name() -> str:
    """The name in the cookie; a person whose name may not stand here is asked for another."""
    kept = unquote(st.context.cookies.get(identity.NAME_COOKIE, ""))
    try:
        return people.called(workspace(), kept) if kept else ""
    except AccessError:
        return ""


def be(name: str) -> None:
    """Make this the name of the person at this browser, here and after a reload.

    Raises:
        AccessError: It is not one to work under.
    """
    st.session_state[_PERSON] = people.enter(workspace(), name)


def be_no_one() -> None:
    """Forget the name of the person at this browser, who is asked for it again."""
    st.session_state[_PERSON] = ""


def choose_in_sidebar(signed_in: Account | None) -> None:
    """Draw who I am and, where there is a choice, which project."""
    with st.sidebar, st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        if signed_in is not None:
            st.markdown(f"**{_escaped(signed_in.name)}**, {signed_in.role}", width="content")
            if st.button("Sign out", icon=":material/logout:", type="tertiary"):
                _sign_out()
        elif st.session_state.get(_PERSON):
            st.markdown(f"**{_escaped(st.session_state[_PERSON])}**", width="content")
            if st.button("Change", key="change name", type="tertiary", help="Work under another name"):
                be_no_one()
                st.rerun()
    with st.sidebar:
        _choose_project()


def _escaped(text: str) -> str:
    return "".join("\\" + char if char in "\\`*_{}[]()#+-!|<>~$:" else char for char in text)


def _choose_project() -> None:
    with workspace().read() as connection:
        names = [each.name for each in projects.all_projects(connection)]
    _refuse_unknown(_PROJECT, names)
    if len(names) < 2:
        return
    entered = once("entered project")
    if isinstance(entered, str) and entered in names:
        st.session_state[_PROJECT] = entered
    else:
        _follow_address(_PROJECT, _PROJECT, names)
    st.session_state[f"address {_PROJECT}"] = st.query_params[_PROJECT] = st.selectbox("Project", names, key=_PROJECT)


def _follow_address(name: str, key: str, options: Sequence[str]) -> None:
    """Let a widget show what the address says, if that was not written by this page: a shared link, or Back."""
    wanted = st.query_params.get(name)
    if wanted in options and wanted != st.session_state.get(f"address {name}"):
        st.session_state[key] = wanted


def _refuse_unknown(name: str, options: Collection[str]) -> None:
    """Say that a link leads to something that is not here, instead of showing something else under its address."""
    wanted = st.query_params.get(name)
    if wanted is None or wanted in options or wanted == st.session_state.get(f"address {name}"):
        return
    st.warning(
        f"The link leads to the {name} {_escaped(wanted)}, which is not here or not ready for this page.",
        icon=":material/link_off:",
    )
    if st.button("Show another"):
        del st.query_params[name]
        st.rerun()
    st.stop()


def chosen(
    name: str,
    options: list[str],
    *,
    label: str,
    shown: Mapping[str, str] | None = None,
    tips: Mapping[str, str] | None = None,
) -> str | None:
    """A choice among `options` that stands in the address and survives a change of page.

    Returns None when there is nothing to choose from. `shown` holds the words for an option where they differ from it;
    they name the browser's tab as well. `tips` holds what is told about an option where the mouse rests.
    """
    _refuse_unknown(name, options)
    if not options:
        return None
    key, kept = f"chosen {name}", st.session_state.get(f"kept {name}")
    following = once(f"next {name}")
    if following in options:
        st.session_state[key] = following
    _follow_address(name, key, options)  # a link says more than what was chosen on another page
    if st.session_state.get(key) not in options:
        st.session_state[key] = kept if kept in options else options[0]
    value = st.selectbox(
        label,
        options,
        key=key,
        format_func=lambda option: (shown or {}).get(option, option),
        help=(tips or {}).get(st.session_state[key]),
        placeholder="Type to search",
    )
    st.session_state[f"kept {name}"] = value  # the key itself goes when the page is left
    put_in_address(name, value)
    name_tab((shown or {}).get(value, value))
    return value


def several(name: str, options: Sequence[str], *, label: str, nothing: str = "all") -> list[str]:
    """Draw a filter by some of `options`, which stand in the address. Returns them; `nothing` stands for all."""
    key = f"filter {name}"
    _follow_filter(name, lambda said: [each for each in said if each in options])
    values = st.multiselect(label, options, key=key, placeholder=nothing)
    _put_filter(name, values)
    return values


def one_of(
    name: str, options: Sequence[str], *, label: str, nothing: str, shown: Mapping[str, str] | None = None
) -> str | None:
    """Draw a filter by one of `options`, which stands in the address. Returns it; None for all."""
    _follow_filter(name, lambda said: next((each for each in said if each in options), None))
    value = st.selectbox(
        label,
        options,
        index=None,
        key=f"filter {name}",
        placeholder=nothing,
        format_func=lambda option: (shown or {}).get(option, option),
    )
    _put_filter(name, [] if value is None else [value])
    return value


def words(name: str, *, label: str, nothing: str) -> str:
    """Draw a filter by words, which stand in the address. Returns them."""
    _follow_filter(name, lambda said: next(iter(said), ""))
    text = st.text_input(label, key=f"filter {name}", placeholder=nothing).strip()
    _put_filter(name, [text] if text else [])
    return text


def tabs(page: str, labels: Sequence[str]) -> Sequence[TabContainer]:
    """The tabs of a page, whose open one stands in the address and is open again whenever the page is."""
    name, key = f"{page}_tab", f"chosen {page}_tab"
    _follow_address(name, key, labels)
    if st.session_state.get(key) not in labels:
        kept = recall(name)
        st.session_state[key] = kept if kept in labels else labels[0]
    drawn = st.tabs(labels, key=key, on_change="rerun")
    remember(name, st.session_state[key])
    put_in_address(name, st.session_state[key])
    return drawn


def typed(name: str) -> str:
    """What stands in the filter by words with this name."""
    return str(st.session_state.get(f"filter {name}", ""))


def type_in(name: str, text: str) -> None:
    """Put words into a filter before it is drawn, as from a callback of another widget."""
    st.session_state[f"filter {name}"] = text


def choose_in(name: str, values: Sequence[str]) -> None:
    """Choose in a filter made by `several` before it is drawn, as from a callback of another widget."""
    st.session_state[f"filter {name}"] = list(values)


def choose_one_in(name: str, value: str | None) -> None:
    """Choose in a filter made by `one_of` before it is drawn, as from a callback of another widget."""
    st.session_state[f"filter {name}"] = value


def show_in(key: str, value: object) -> None:
    """Let the widget with this key show a value, before it is drawn."""
    st.session_state[key] = value


def value_of(key: str) -> object:
    """What the widget with this key says, for a callback; None where it was not drawn."""
    return st.session_state.get(key)


def _follow_filter(name: str, read: Callable[[Sequence[str]], object]) -> None:
    """Let a filter show what the address says, if that was not written by this page.

    The address alone says what is chosen: a link without the filter, as those of the menu, leads to the whole.
    """
    in_force = tuple(st.query_params.get_all(name))
    if f"filter {name}" not in st.session_state or in_force != st.session_state.get(f"address {name}", ()):
        st.session_state[f"filter {name}"] = read(in_force)


def _put_filter(name: str, values: Sequence[str]) -> None:
    st.session_state[f"address {name}"] = tuple(values)
    if list(values) == st.query_params.get_all(name):
        return
    if values:
        st.query_params[name] = values
    else:
        del st.query_params[name]


def put_in_address(name: str, value: str) -> None:
    """Let the address of the page name what is shown, so that a reload and a shared link show the same."""
    st.session_state[f"address {name}"] = value
    if st.query_params.get(name) != value:
        st.query_params[name] = value


def in_address(name: str) -> str | None:
    """What the address says, unless this page wrote it."""
    wanted = st.query_params.get(name)
    return None if wanted == st.session_state.get(f"address {name}") else wanted


def name_tab(thing: str) -> None:
    """Name the browser's tab after the thing that is shown, before the page's own name; what is named last stands."""
    st.set_page_config(page_title=" · ".join([thing, st.session_state.get(_PAGE, ""), "Curator"]))


def begin_page(title: str) -> None:
    """Name the browser's tab after the page; what is shown on it is named later."""
    st.session_state[_PAGE] = title
    st.set_page_config(page_title=f"{title} · Curator")


def name_project() -> None:
    """Name the browser's tab after the project as well, where there are several. Draws nothing."""
    project_shown = in_link().get(_PROJECT)
    if project_shown is not None:
        st.session_state[_PAGE] = f"{st.session_state[_PAGE]} · {project_shown}"
        st.set_page_config(page_title=f"{st.session_state[_PAGE]} · Curator")


def in_link() -> dict[str, str]:
    """What every link to another page carries: the project, where there are several."""
    name = st.query_params.get(_PROJECT)
    return {} if name is None else {_PROJECT: name}


def choose(name: str, value: str) -> None:
    """Make `value` what `chosen` returns from the next time on that it is drawn."""
    remember(f"next {name}", value)


def remember(name: str, value: object) -> None:
    """Keep something for the next redraw of this browser."""
    st.session_state[f"kept {name}"] = value


def recall(name: str) -> object:
    """What `remember` kept, or None."""
    return st.session_state.get(f"kept {name}")


def once(name: str) -> object:
    """What `remember` kept, which is then forgotten: for a message that is shown one time."""
    return st.session_state.pop(f"kept {name}", None)


def pressed(key: str) -> bool:
    """Whether the button with this key is what caused this redraw; known before the button is drawn."""
    return bool(st.session_state.get(key))
