"""A team's own detectors, from a TOML file that names their local folders, or the address of a judge."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import ValidationError

from curator.errors import ReviewError
from curator.review.detectors.base import Detector
from schemas.detector import ClassifierConfig, DetectorConfig, DetectorFile, EvidenceConfig, GuardConfig, JudgeConfig
from schemas.rubric import Rubric


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
    if isinstance(config, JudgeConfig):
        return _judge(config, beside)
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


def _judge(config: JudgeConfig, beside: Path) -> Detector:
    from curator.review.detectors.judge import Judge, shipped_rubrics
    from curator.runs.endpoint import Endpoint

    rubric = shipped_rubrics().get(config.rubric) or _rubric(beside / config.rubric)
    settings = config.model_dump(exclude={"kind", "rubric"}, exclude_defaults=True)
    return Judge(Endpoint.model_validate(settings), rubric)


def _rubric(file: Path) -> Rubric:
    try:
        return Rubric.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise ReviewError(
            f"There is no rubric {file.name}: {error.strerror}.", hint="Name harm, fact, bias or a file."
        ) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise ReviewError(f"{file} is not a rubric: {error}.", hint="The review guide shows one.") from error
