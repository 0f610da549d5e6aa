"""Navigation: one page per stage, in the order of the loop."""

from pathlib import Path

import streamlit as st

from app import state

_ICON = Path(__file__).with_name("icon.svg")  # an icon by name would be fetched from a server
_PAGES = {
    "": [("overview", "Overview", ":material/home:")],
    "Data": [
        ("import_data", "Import", ":material/upload_file:"),
        ("quarantine", "Quarantine", ":material/rule:"),
        ("annotate", "Annotate", ":material/edit_note:"),
        ("history", "My history", ":material/history:"),
        ("adjudicate", "Adjudicate", ":material/balance:"),
        ("team", "Team", ":material/group:"),
        ("project", "Project", ":material/tune:"),
        ("versions", "Versions", ":material/inventory_2:"),
    ],
    "Model": [
        ("train", "Train", ":material/model_training:"),
        ("runs", "Runs", ":material/leaderboard:"),
        ("losses", "Record losses", ":material/troubleshoot:"),
        ("chat", "Chat", ":material/forum:"),
        ("outputs", "Outputs", ":material/compare:"),
        ("vote", "Vote", ":material/how_to_vote:"),
    ],
    "Release": [
        ("review", "Review", ":material/fact_check:"),
        ("decide", "Decide", ":material/gavel:"),
    ],
}

st.set_page_config(page_title="Curator", page_icon=str(_ICON), layout="wide")
state.choose_in_sidebar()
st.navigation(
    {
        section: [
            st.Page(f"views/{name}.py", title=title, icon=icon, url_path=name, default=name == "overview")
            for name, title, icon in pages
        ]
        for section, pages in _PAGES.items()
    },
    expanded=True,  # else the pages of the last section hide behind "View more"
).run()
