"""Other views of a response than the editor: rendered Markdown, word by word, and as the trainer sees it.

Markdown from a record is rendered without HTML and without images, so that nothing in a record is executed or fetched.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from curator import Workspace
from curator.annotate.settle import final_of
from curator.errors import AnnotationError, CuratorError
from curator.quality import edits
from curator.store import projects
from schemas.annotation import Answer
from schemas.record import Record

_MARKDOWN = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table").disable("image")


def _open_elsewhere(
    renderer: RendererHTML, tokens: Sequence[Token], place: int, options: OptionsDict, env: EnvType
) -> str:
    """A link that opens in a tab of its own and tells the other site nothing about this one."""
    tokens[place].attrSet("target", "_blank")
    tokens[place].attrSet("rel", "noopener noreferrer")
    return renderer.renderToken(tokens, place, options, env)


_MARKDOWN.add_render_rule("link_open", _open_elsewhere)


def markdown(text: str) -> str:
    """Markdown as safe HTML."""
    return str(_MARKDOWN.render(text))


def draw(workspace: Workspace, record: Record, answer: Answer, *, how: str, project_id: int) -> dict[str, Any]:
    """One view of a response.

    Args:
        workspace: Where the project's settings are.
        record: As it came in.
        answer: As it is typed now.
        how: `rendered`, `diff`, `tokens`, or `texts` for all texts that are read, rendered.
        project_id: Whose base model gives the tokens.

    Raises:
        AnnotationError: There is no such view, or the project names no model.
    """
    if how == "rendered":
        return {"html": markdown(answer.response)}
    if how == "diff":
        return {"pieces": [list(piece) for piece in edits.word_diff(record.response, answer.response)]}
    if how == "texts":
        return {
            "messages": [markdown(message.content) for message in record.context],
            "response": markdown(record.response),
            "alternative": None if record.alternative is None else markdown(record.alternative),
        }
    if how == "tokens":
        return _tokens(workspace, final_of(record, answer), project_id=project_id)
    raise AnnotationError(f"There is no view {how}.", hint="Reload the page.")


def _tokens(workspace: Workspace, record: Record, *, project_id: int) -> dict[str, Any]:
    """Pieces of text with whether they carry loss, from the code that the trainer uses."""
    from curator.training import tokens  # loads torch, which only this view needs

    with workspace.read() as connection:
        base = projects.by_id(connection, project_id).base_model
    if base is None:
        raise AnnotationError("This project names no base model.", hint="A lead sets one under Project.")
    try:
        seen = tokens.view_of(record, _tokenizer(base))
    except CuratorError as error:
        return {"pieces": [], "problem": f"{error.problem} {error.hint}"}
    return {
        "pieces": [list(piece) for piece in seen.pieces],
        "tokens": seen.tokens,
        "loss": seen.loss,
        "most": seen.most,
        "ends": seen.ends,
    }


@functools.lru_cache(maxsize=4)
def _tokenizer(base: str) -> Any:
    from curator.training import checkpoint

    return checkpoint.load_tokenizer(base)
