"""Navigation: one page per stage, in the order of the loop."""

import functools
from pathlib import Path

import streamlit as st

from app import state
from app.components import browser, menu, welcome
from schemas.account import Right

_ICON = Path(__file__).with_name("icon.svg")  # an icon by name would be fetched from a server
_SECTIONS = {
    "": [("overview", "Overview", ":material/home:", Right.ANNOTATE)],
    "Data": [
        ("import_data", "Import", ":material/upload_file:", Right.CURATE),
        ("quarantine", "Quarantine", ":material/rule:", Right.CURATE),
        ("annotate", "Annotate", ":material/edit_note:", Right.ANNOTATE),
        ("history", "My history", ":material/history:", Right.ANNOTATE),
        ("records", "Records", ":material/search:", Right.CURATE),
        ("profile", "Profile", ":material/bar_chart:", Right.CURATE),
        ("duplicates", "Duplicates", ":material/file_copy:", Right.CURATE),
        ("adjudicate", "Adjudicate", ":material/balance:", Right.CURATE),
        ("team", "Team", ":material/group:", Right.CURATE),
        ("project", "Project", ":material/tune:", Right.CURATE),
        ("coverage", "Coverage", ":material/category:", Right.CURATE),
        ("versions", "Versions", ":material/inventory_2:", Right.CURATE),
    ],
    "Model": [
        ("train", "Train", ":material/model_training:", Right.TRAIN),
        ("runs", "Runs", ":material/leaderboard:", Right.TRAIN),
        ("losses", "Record losses", ":material/troubleshoot:", Right.TRAIN),
        ("chat", "Chat", ":material/forum:", Right.REVIEW),
        ("outputs", "Outputs", ":material/compare:", Right.REVIEW),
        ("vote", "Vote", ":material/how_to_vote:", Right.REVIEW),
    ],
    "Release": [
        ("review", "Review", ":material/fact_check:", Right.REVIEW),
        ("decide", "Decide", ":material/gavel:", Right.DECIDE),
    ],
    "Access": [("accounts", "Accounts", ":material/key:", Right.ACCOUNTS)],
}

_WITH_MODELS = {"train", "runs", "losses", "chat", "outputs", "vote", "review", "decide"}


def main() -> None:
    """Draw the sidebar and the page that the address names."""
    st.set_page_config(page_title="Curator", page_icon=str(_ICON), layout="wide")
    signed_in = state.account()
    if state.is_signed_out(signed_in):
        st.navigation([st.Page(state.say_signed_out, title="Signed out")], position="hidden").run()
        st.stop()
    usable = {
        name: st.Page(f"views/{name}.py", title=title, icon=icon, url_path=name, default=name == "overview")
        for pages in _SECTIONS.values()
        for name, title, icon, right in pages
        if state.may(signed_in, right)
    }
    closed = [  # where the address of another role's page leads: else it is said not to exist
        st.Page(functools.partial(state.say_closed, title, right), title=title, url_path=name, visibility="hidden")
        for pages in _SECTIONS.values()
        for name, title, _, right in pages
        if not state.may(signed_in, right)
    ]
    page = st.navigation([*usable.values(), *closed], position="hidden")
    state.begin_page(page.title)
    state.know_person(signed_in)
    state.choose_in_sidebar(signed_in)
    state.name_project()
    person = state.person()
    browser.prepare("" if signed_in is not None else person or "")
    if person is None:
        welcome.show(state.workspace(), state.project())
        st.stop()
    menu.show(
        {section: [usable[name] for name, *_ in pages if name in usable] for section, pages in _SECTIONS.items()},
        state.workspace(),
        state.project(),
    )
    if page.url_path in _WITH_MODELS and page.visibility == "visible":
        state.load_pytorch()
    page.run()


if __name__ == "__main__":  # not in a process that a page starts, which reads this file again under another name
    main()
