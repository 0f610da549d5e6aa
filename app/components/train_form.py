"""The settings of a training as widgets, made from the fields of `TrainConfig` and their help texts."""

from __future__ import annotations

import types
from typing import Any, Literal, Union, get_args, get_origin

import streamlit as st
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from app.components import notice
from schemas.run import TrainConfig

_SHOWN_APART = ("base", "method", "allow_download", "accelerate_config")
"""Chosen beside the settings, or on the server alone: nothing is downloaded for a browser, whose bases are folders, and
no browser names a file of the server."""
_SELDOM = {
    "learning_rate": "2e-5 (full) or 2e-4 (adapters)",
    "tokens_per_batch": "2048 on a CPU, 16384 on a GPU",
    "evaluate_every": "ten times a run",
}


def edit(before: dict[str, Any]) -> TrainConfig | None:
    """The settings as they are typed now, over those given already; None, with a message, while one cannot be used."""
    groups: dict[str, list[str]] = {}
    for name, field in TrainConfig.model_fields.items():
        if name not in _SHOWN_APART:
            extra = field.json_schema_extra
            group = str(extra["group"]) if isinstance(extra, dict) else "Other"
            groups.setdefault(group, []).append(name)
    values = dict(before)
    with st.expander("Settings"):
        st.caption("Empty fields keep the default that stands in them. The command line calls them by the same names.")
        for tab, names in zip(st.tabs(list(groups)), groups.values(), strict=True):
            with tab:
                columns = st.columns(3)
                for n, name in enumerate(names):
                    with columns[n % 3]:
                        typed = _widget(name, TrainConfig.model_fields[name])
                        if typed is not None:
                            values[name] = typed
    try:
        return TrainConfig.model_validate(values)
    except ValidationError as error:
        for issue in error.errors():
            st.error(f"{'.'.join(map(str, issue['loc'][:1]))}: {notice.plain(issue['msg'])}", icon=":material/error:")
        return None


def _widget(name: str, field: FieldInfo) -> Any:
    """What was entered; None to keep the default."""
    label, key = name.replace("_", " "), f"config {name}"
    options = _options(field.annotation)
    if field.annotation is bool:
        return st.checkbox(label, bool(field.default), help=field.description, key=key)
    if get_origin(field.annotation) is tuple:
        typed = st.text_input(label, placeholder="none; several with commas", help=field.description, key=key)
        return tuple(part.strip() for part in typed.split(",") if part.strip()) or None
    if get_origin(field.annotation) is dict:
        placeholder = "none; a JSON object"
        return st.text_input(label, placeholder=placeholder, help=field.description, key=key).strip() or None
    if options:
        return st.selectbox(label, options, index=options.index(field.default), help=field.description, key=key)
    default = _SELDOM.get(name) or ("none" if field.default is None else f"{field.default:g}")
    typed = st.text_input(label, placeholder=default, help=field.description, key=key).strip()
    if name == "early_stopping" and typed.lower() == "none":
        return _NEVER
    return typed or None


_NEVER = 10**9
"""Evaluations without a better loss that no run has: the same as never stopping early."""


def _options(annotation: Any) -> list[str]:
    if get_origin(annotation) in (Union, types.UnionType):
        return []
    return list(get_args(annotation)) if get_origin(annotation) is Literal else []
