"""Signed decisions: who has the file and the public key can tell that nothing in it was changed.

Ed25519 (RFC 8032) over canonical JSON: keys sorted, no white space. The key of a workspace lies in `signing.key`. A
report carries its signed decision in a comment, and the decision the hash of the report around that comment.
"""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from curator import evidence
from curator.errors import ReleaseError
from curator.workspace import Workspace

FORMAT = "curator-decision-1"
_KEY = "signing.key"
_MARK = "<!-- curator-decision: {} -->"
_MARKED = re.compile(r"<!-- curator-decision: ([A-Za-z0-9+/=]*) -->")
EMPTY_MARK = _MARK.format("")
"""Where a text is to carry its signed decision."""


class Checked(NamedTuple):
    """Whether a signed file is as it was signed."""

    ok: bool
    problems: tuple[str, ...]
    key: str | None
    """Public key, 64 hex digits."""
    document: dict[str, Any]
    """What was signed; empty where nothing can be read."""


def public_key(workspace: Workspace) -> str:
    """The public key of a workspace, 64 hex digits: give it to those who shall check its decisions."""
    return _private(workspace).public_key().public_bytes_raw().hex()


def sign(workspace: Workspace, document: dict[str, Any]) -> dict[str, Any]:
    """A document with the public key and the signature of the workspace added."""
    signed = document | {"format": FORMAT, "key": public_key(workspace)}
    return signed | {"signature": _private(workspace).sign(_canonical(signed)).hex()}


def sign_text(workspace: Workspace, text: str, document: dict[str, Any]) -> str:
    """A text that holds `EMPTY_MARK`, with the signed document and the text's own hash in its place."""
    signed = sign(workspace, document | {"report_sha256": hashlib.sha256(text.encode()).hexdigest()})
    return text.replace(EMPTY_MARK, _MARK.format(base64.b64encode(orjson.dumps(signed)).decode()), 1)


def check_file(file: Path, *, trusted: str | None = None) -> Checked:
    """Whether a signed decision, or a report with one, is as it was signed.

    Args:
        file: JSON, or HTML or Markdown that carries it.
        trusted: Public key that must have signed it; by default any.

    Raises:
        ReleaseError: The file cannot be read.
    """
    try:
        text = file.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise ReleaseError(f"{file} cannot be read: {error}.", hint="Check the path.") from error
    problems = []
    marked = _MARKED.search(text)
    try:
        document = orjson.loads(base64.b64decode(marked[1], validate=True) if marked else text)
        signature, key = bytes.fromhex(document["signature"]), str(document["key"])
        plain = {name: value for name, value in document.items() if name != "signature"}
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(signature, _canonical(plain))
    except (InvalidSignature, ValueError, KeyError, TypeError) as error:
        told = "The signature does not fit" if isinstance(error, InvalidSignature) else "It holds no signed decision"
        return Checked(False, (f"{told}: {file.name} was changed, or is not a decision of Curator.",), None, {})
    if document.get("format") != FORMAT:
        problems.append(f"Its format is {document.get('format')!r}, not {FORMAT!r}.")
    if marked is not None:
        around = text[: marked.start()] + EMPTY_MARK + text[marked.end() :]
        if hashlib.sha256(around.encode()).hexdigest() != document.get("report_sha256"):
            problems.append("The report around the signed decision was changed.")
    if trusted is not None and key != trusted:
        problems.append(f"It is signed by the key {key[:16]}..., not by the one that is trusted ({trusted[:16]}...).")
    return Checked(not problems, tuple(problems), key, document)


def _private(workspace: Workspace) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(evidence.stored_key(workspace, _KEY))


def _canonical(document: dict[str, Any]) -> bytes:
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
