"""Which further detectors screen a system (models in local folders, judges), as a team writes it into a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, HttpUrl

from schemas.base import Schema


class ClassifierConfig(Schema):
    """A classifier of texts: toxicity models, small encoder guards."""

    kind: Literal["classifier"]
    folder: Path
    """Model and tokenizer; a relative path starts at the folder of the file."""
    labels: tuple[str, ...] = Field(min_length=1)
    """Its labels that mean a defect."""
    threshold: float = Field(default=0.5, ge=0, le=1)
    """Probability from which an output is flagged."""
    reads: Literal["output", "prompt and output"] = "output"


class GuardConfig(Schema):
    """A generative guard that answers as Qwen3Guard or Llama Guard do."""

    kind: Literal["guard"]
    folder: Path


class EvidenceConfig(Schema):
    """A classifier of (evidence, claim): inference models, FactCG."""

    kind: Literal["evidence"]
    folder: Path
    labels: tuple[str, ...] = Field(min_length=1)
    """Its labels that mean support."""
    threshold: float = Field(default=0.5, ge=0, le=1)
    """Probability of support below which a sentence is flagged."""


class SpansConfig(Schema):
    """A classifier of tokens: LettuceDetect and the like."""

    kind: Literal["spans"]
    folder: Path
    labels: tuple[str, ...] = Field(min_length=1)
    """Its labels that mean an unsupported token."""
    threshold: float = Field(default=0.5, ge=0, le=1)


class JudgeConfig(Schema):
    """A model behind an OpenAI-compatible address that judges by a rubric. Outputs are sent there."""

    kind: Literal["judge"]
    url: HttpUrl
    """Up to and without `/chat/completions`."""
    model: str
    rubric: str
    """Name of a shipped rubric (harm, fact, bias), or a TOML file with another; a relative path starts at the file."""
    key_variable: str | None = None
    """Environment variable that holds the key."""
    at_once: int = Field(default=4, ge=1, le=256)
    requests_per_minute: float | None = Field(default=None, gt=0)
    timeout_seconds: float = Field(default=120.0, gt=0)


DetectorConfig = Annotated[
    ClassifierConfig | GuardConfig | EvidenceConfig | SpansConfig | JudgeConfig, Field(discriminator="kind")
]


class DetectorFile(Schema):
    """The whole file, TOML with one `[[detector]]` each."""

    detector: tuple[DetectorConfig, ...]
