"""Sources: the files that a path stands for, each with what is already known about its format.

A path is a file, a folder of files, a folder that `datasets` wrote with `save_to_disk` (one split or several), or
LLaMA-Factory's `dataset_info.json`, whose maps of columns and roles are taken over. A file that such a list beside it
names is read by its entry when the caller names no format and no columns.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import orjson

from curator.errors import IngestError
from curator.ingest.opening import plain_name
from schemas.importing import FieldMap, Format

_LIST = "dataset_info.json"
_ENDINGS = (
    ".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet", ".arrow", ".feather", ".xlsx", ".xls", ".xlsb", ".ods",
)  # fmt: skip
_PACKED = (".gz", ".zst", ".zstd")
_ABOUT = frozenset({_LIST, "dataset_infos.json", "dataset_dict.json", "state.json", "export.json", "manifest.json"})
"""Files of a folder that speak of the others."""
_PROVENANCE = "provenance"
"""Beside the Parquet files of a version: where their rows came from, no rows of its own."""
_FIELDS = {
    "prompt": "instruction",
    "query": "input",
    "response": "response",
    "system": "system",
    "history": "history",
    "messages": "messages",
    "tools": "tools",
    "chosen": "chosen",
    "rejected": "rejected",
    "kto_tag": "kto_tag",
    "images": "images",
    "videos": "videos",
    "audios": "audios",
}
"""LLaMA-Factory's columns in our words."""


class Source(NamedTuple):
    """A file to import."""

    file: Path
    name: str
    """How records and reports name it: its path from the imported folder on."""
    format: Format | None = None
    """None: recognise it."""
    field_map: FieldMap = FieldMap()


def sources_of(path: Path) -> list[Source]:
    """The files that a path stands for, in a fixed order.

    Raises:
        IngestError: There is none, or a list names a file that is not there.
    """
    if path.is_dir():
        files = _in_folder(path, path)
        if not files:
            raise IngestError(
                f"{path} has no file of a kind that can be imported.", hint=f"They end in {', '.join(_ENDINGS)}."
            )
        return files
    if path.name == _LIST and (listed := _listed(path)):
        return listed
    beside = path.parent / _LIST
    for source in _listed(beside, only=path) if beside.is_file() else []:
        return [source._replace(name=plain_name(path))]
    return [Source(path, plain_name(path))]


def _in_folder(folder: Path, root: Path) -> list[Source]:
    splits = _json(folder / "dataset_dict.json")
    if isinstance(splits, dict) and isinstance(splits.get("splits"), list):
        return [each for split in splits["splits"] for each in _in_folder(folder / str(split), root)]
    state = _json(folder / "state.json")
    if isinstance(state, dict) and isinstance(state.get("_data_files"), list):
        names = [str(each.get("filename")) for each in state["_data_files"] if isinstance(each, dict)]
        files = [_present(folder / name, "state.json") for name in names]
        return [Source(file, file.relative_to(root.parent).as_posix()) for file in files]
    if listed := _listed(folder / _LIST):
        return listed
    sources: list[Source] = []
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith(".") or entry.name in _ABOUT or entry.name == _PROVENANCE:
            continue
        if entry.is_dir():
            sources += _in_folder(entry, root)
        elif _ending(entry) in _ENDINGS:
            sources.append(Source(entry, entry.relative_to(root.parent).as_posix()))
    return sources


def _ending(file: Path) -> str:
    name = file.name.lower()
    packing = next((each for each in _PACKED if name.endswith(each)), "")
    return Path(name.removesuffix(packing)).suffix


def _json(file: Path) -> Any:
    try:
        return orjson.loads(file.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None


def _listed(file: Path, *, only: Path | None = None) -> list[Source]:
    """The local data sets of a LLaMA-Factory list, or the one that is `only`; none when the file is not such a list."""
    entries = _json(file)
    if not isinstance(entries, dict) or not all(isinstance(entry, dict) for entry in entries.values()):
        return []
    sources = []
    for name, entry in entries.items():
        if not isinstance(entry.get("file_name"), str):
            continue  # on a hub
        data = file.parent / entry["file_name"]
        if only is not None and data.resolve() != only.resolve():
            continue
        field_map = _field_map(entry)
        format = _format(entry, field_map)
        if data.is_dir():
            sources += [each._replace(format=format, field_map=field_map) for each in _in_folder(data, data)]
        else:
            sources.append(Source(_present(data, f"{file.name}, entry {name},"), data.name, format, field_map))
    return sources


def _present(file: Path, named_by: str) -> Path:
    if not file.is_file():
        raise IngestError(f"{named_by} names {file.name}, which is not there.", hint="Copy it beside the list.")
    return file


def _field_map(entry: dict[str, Any]) -> FieldMap:
    columns, tags = entry.get("columns"), entry.get("tags")
    columns = columns if isinstance(columns, dict) else {}
    tags = tags if isinstance(tags, dict) else {}
    return FieldMap(
        columns={
            _FIELDS[name]: column for name, column in columns.items() if name in _FIELDS and isinstance(column, str)
        },
        tags={name: tag for name, tag in tags.items() if isinstance(tag, str)},
    )


def _format(entry: dict[str, Any], field_map: FieldMap) -> Format:
    if entry.get("ranking"):
        return Format.PREFERENCE
    if "kto_tag" in field_map.columns:
        return Format.KTO
    return Format.SHAREGPT if entry.get("formatting") == "sharegpt" else Format.ALPACA
