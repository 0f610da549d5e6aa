"""Chat: ask the base and the tuned model the same thing and read their answers side by side. Nothing is stored."""

from __future__ import annotations

import streamlit as st

from app import state
from app.components import links, notice, pickers
from curator import Workspace, runs
from schemas.record import Message
from schemas.review import Decoding, ModelName

_Turn = tuple[str, str, str]  # what was asked, what the base said, what the tuned model said


def render(workspace: Workspace) -> None:
    """Choose a run, then talk; each model sees its own earlier answers."""
    st.title("Chat", anchor=False)
    ended = [run for run in runs.watch(workspace) if not run.is_alive]
    with_model = [run for run in ended if (runs.folder_of(workspace, run.id) / "checkpoint").is_dir()]
    if not with_model:
        st.info("A chat needs a tuned model, and there is none yet.", icon=":material/model_training:")
        links.to("train", "Train one", icon=":material/model_training:")
        return
    columns = st.columns([3, 1, 1, 1], vertical_alignment="bottom")
    with columns[0]:
        run = pickers.choose_run(with_model)
    chosen = None if run is None else run.id
    tokens = columns[1].number_input("Longest answer", 8, 1024, 128, 8, help="In tokens")
    temperature = columns[2].number_input("Temperature", 0.0, 2.0, 0.0, 0.1, help="0 always takes the likeliest token")
    name = f"chat {chosen}"
    if columns[3].button("Start over", width="stretch"):
        state.once(name)
    kept = state.recall(name)
    turns: list[_Turn] = list(kept) if isinstance(kept, list) else []
    for turn in turns:
        _show(turn)
    asked = st.chat_input("Ask both models")
    if asked and chosen is not None:
        decoding = Decoding(max_new_tokens=int(tokens), temperature=float(temperature))
        with notice.errors(), st.spinner("Both models answer"):
            turn = _ask(workspace, chosen, turns, asked, decoding)
            state.remember(name, [*turns, turn])
            _show(turn)
    elif not turns:
        st.caption("Both models get the same words through the same template. Nothing that is written here is stored.")


def _ask(workspace: Workspace, run_id: str, turns: list[_Turn], asked: str, decoding: Decoding) -> _Turn:
    pair = state.models(str(workspace.folder), run_id)
    said = []
    names: tuple[ModelName, ...] = ("base", "tuned")
    for n, name in enumerate(names, start=1):
        earlier = [
            message
            for turn in turns
            for message in (Message(role="user", content=turn[0]), Message(role="assistant", content=turn[n]))
        ]
        messages = [*earlier, Message(role="user", content=asked)]
        said.append(pair.answer_one(name, messages, decoding=decoding))
    return asked, said[0], said[1]


def _show(turn: _Turn) -> None:
    with st.chat_message("user"):
        st.text(turn[0])
    columns = st.columns(2)
    for column, title, text in zip(columns, ("Base", "Tuned"), turn[1:], strict=True):
        with column, st.chat_message("assistant"):
            st.caption(title)
            st.text(text or "(nothing)")


if __name__ == "__main__":
    with notice.errors():
        notice.person_needed()
        render(state.workspace())
