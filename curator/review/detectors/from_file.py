"""A team's own detectors, from a TOML file that names their local folders."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import ValidationError

from curator.errors import ReviewError
from curator.review.detectors.base import Detector
from schemas.detector import ClassifierConfig, DetectorConfig, DetectorFile, EvidenceConfig, GuardConfig


def read_detectors(file: Path) -> list[Detector]:
    """The detectors that a file names, loaded.

    Raises:
        ReviewError: The file cannot be read or says something else, or a model cannot be loaded.
    """
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
        named = DetectorFile.model_validate(content).detector
    except OSError as error:
        raise ReviewError(f"{file} cannot be read: {error.strerror}.", hint="Check the path.") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ReviewError(f"{file} is not TOML: {error}.", hint="The review guide shows an example.") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ReviewError(
            f"{file}: {place}: {first['msg']}.", hint="The review guide shows what a detector needs."
        ) from error
    return [_load(config, file.parent) for config in named]


def _load(config: DetectorConfig, beside: Path) -> Detector:
    # torch takes seconds to import: only who names a model pays for it
    from curator.review.detectors.weights import DecoderGuard, EvidenceClassifier, SequenceClassifier, SpanClassifier

    folder = beside / config.folder.expanduser()
    if isinstance(config, GuardConfig):
        return DecoderGuard(folder)
    if isinstance(config, ClassifierConfig):
        return SequenceClassifier(folder, bad_labels=config.labels, threshold=config.threshold, reads=config.reads)
    if isinstance(config, EvidenceConfig):
        return EvidenceClassifier(folder, supported_labels=config.labels, threshold=config.threshold)
    return SpanClassifier(folder, bad_labels=config.labels, threshold=config.threshold)
