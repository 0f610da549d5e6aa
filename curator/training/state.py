"""What a run needs to go on exactly where it was: weights, optimiser, random numbers and its own counters.

Written as safetensors and JSON, never as pickle, and whole or absent: a new state is written beside the old one and
then takes its place.
"""

from __future__ import annotations

from pathlib import Path

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from curator import whole
from curator.errors import TrainingError
from curator.training.learner import Learner
from schemas.run import TrainingProgress

_TENSORS = "state.safetensors"
_PROGRESS = "progress.json"


def save(learner: Learner, progress: TrainingProgress, folder: Path) -> None:
    """Write the state into `folder`; an earlier one stays until the new one is whole.

    Raises:
        TrainingError: The disk is full or not writable.
    """
    try:
        with whole.folder(folder) as unfinished:
            save_file(_tensors(learner), unfinished / _TENSORS)
            (unfinished / _PROGRESS).write_text(progress.model_dump_json())
    except (OSError, SafetensorError) as error:
        raise TrainingError(
            f"The state of the run cannot be written: {error}.", hint="Free some space and resume the run."
        ) from error


def load(learner: Learner, folder: Path) -> TrainingProgress:
    """Put a stored state into a learner that was made with the same settings. Returns where the training stands.

    Raises:
        TrainingError: The state is damaged or belongs to another model.
    """
    try:
        progress = TrainingProgress.model_validate_json((folder / _PROGRESS).read_bytes())
        tensors = load_file(folder / _TENSORS)
        with torch.no_grad():
            for name, parameter in learner.parameters.items():
                parameter.copy_(tensors[f"parameter/{name}"])
                own = learner.optimizer.state[parameter]
                for key in ("step", "exp_avg", "exp_avg_sq"):
                    stored = tensors.get(f"{key}/{name}")
                    if stored is not None:
                        own[key] = stored.to(parameter.device if key != "step" or parameter.is_cuda else "cpu")
    except (OSError, KeyError, RuntimeError, SafetensorError, ValidationError) as error:
        raise TrainingError(
            f"The state in {folder} cannot be used: {error}.", hint="Delete the run and start it anew."
        ) from error
    learner.round_masters()
    torch.set_rng_state(tensors["random/cpu"])
    if "random/cuda" in tensors:
        torch.cuda.set_rng_state(tensors["random/cuda"])
    return progress


def _tensors(learner: Learner) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {"random/cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        tensors["random/cuda"] = torch.cuda.get_rng_state()
    for name, parameter in learner.parameters.items():
        tensors[f"parameter/{name}"] = parameter.detach().contiguous()
        for key, value in learner.optimizer.state.get(parameter, {}).items():
            tensors[f"{key}/{name}"] = value.contiguous()
    return tensors
