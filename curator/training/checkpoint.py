"""Loading base models and writing checkpoints: safetensors only, whole or absent, no code from outside."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import torch
from peft import PeftConfig, PeftModel
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging as transformers_logging

from curator import whole
from curator.errors import TrainingError
from curator.training.objective import causal_of
from curator.training.template import Argument, TemplateName, end_tokens, prepare_tokenizer
from schemas.run import TrainConfig

ADAPTER_CONFIG = "adapter_config.json"
transformers_logging.disable_progress_bar()  # each command shows its own


def load_tokenizer(
    source: str,
    *,
    allow_download: bool = False,
    template: TemplateName = "auto",
    arguments: Mapping[str, Argument] | None = None,
) -> PreTrainedTokenizerBase:
    """The tokenizer of a model, ready for training and generation.

    Args:
        source: Folder of a model, or a hub name.
        allow_download: Lets transformers fetch it.
        template: Chat template for a tokenizer that has none.
        arguments: Of the chat template, which become its defaults.

    Raises:
        TrainingError: There is none, or it lacks what training needs.
    """
    with _explained(source, hub=allow_download):
        tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=not allow_download, trust_remote_code=False)
    prepare_tokenizer(tokenizer, template=template, arguments=arguments)
    return tokenizer


def tokenizer_of(config: TrainConfig) -> PreTrainedTokenizerBase:
    """The tokenizer of a run's base, with the chat template that the run trains; errors as of `load_tokenizer`."""
    return load_tokenizer(
        config.base,
        allow_download=config.allow_download,
        template=config.chat_template,
        arguments=config.chat_template_kwargs,
    )


def load_base(
    source: str, *, allow_download: bool = False, in_four_bits: bool = False, cached: bool = False
) -> PreTrainedModel:
    """A causal language model in fp32, from a folder (or from a hub, when a download is allowed).

    Args:
        source: Folder of a model, or a hub name.
        allow_download: Lets transformers fetch it.
        cached: Take a hub name from what was downloaded before; nothing is fetched.
        in_four_bits: Quantise its linear layers to NF4 while loading (Dettmers et al. 2023, QLoRA); needs a GPU.

    Raises:
        TrainingError: The folder is missing, holds no causal language model or no safetensors; or four bits are asked
            for where they cannot be had.
    """
    if in_four_bits:
        return _load_quantised(source, allow_download=allow_download, cached=cached)
    with _explained(source, hub=allow_download or cached):
        return AutoModelForCausalLM.from_pretrained(
            source,
            dtype=torch.float32,
            local_files_only=not allow_download,
            trust_remote_code=False,
            use_safetensors=True,
        )


def _load_quantised(source: str, *, allow_download: bool, cached: bool) -> PreTrainedModel:
    if not torch.cuda.is_available() or importlib.util.find_spec("bitsandbytes") is None:
        raise TrainingError(
            "A base in 4 bits needs a GPU and the package bitsandbytes.",
            hint="Choose method lora, or install bitsandbytes on a machine with a GPU.",
        )
    four_bits = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    with _explained(source, hub=allow_download or cached):
        return AutoModelForCausalLM.from_pretrained(
            source,
            quantization_config=four_bits,
            dtype=torch.bfloat16,
            device_map={"": 0},
            local_files_only=not allow_download,
            trust_remote_code=False,
            use_safetensors=True,
        )


def load_tuned(checkpoint: Path, *, in_four_bits: bool = False) -> PreTrainedModel:
    """The model of a checkpoint folder: full weights, or the base with the adapter on it.

    Args:
        checkpoint: What `save` wrote.
        in_four_bits: Quantise the base under an adapter, as it was when the adapter learnt.
    """
    if not (checkpoint / ADAPTER_CONFIG).is_file():
        return load_base(str(checkpoint))
    with _explained(str(checkpoint), hub=False):
        base = str(PeftConfig.from_pretrained(str(checkpoint)).base_model_name_or_path)
        model = load_base(base, in_four_bits=in_four_bits, cached=True)
        return cast(PreTrainedModel, PeftModel.from_pretrained(model, str(checkpoint)))


def save(
    model: PreTrainedModel | PeftModel,
    tokenizer: PreTrainedTokenizerBase,
    folder: Path,
    *,
    weights: dict[str, torch.Tensor] | None = None,
) -> None:
    """Write weights, tokenizer and chat template beside `folder`, then put them in its place.

    Args:
        model: What to write.
        tokenizer: Beside it.
        folder: Of the checkpoint; an earlier one is replaced when the new one is whole.
        weights: Instead of the model's own, where it holds only a part of them.

    Raises:
        TrainingError: The disk is full or not writable; an earlier checkpoint is kept.
    """
    stored = model.state_dict() if weights is None else weights
    broken = [name for name, value in stored.items() if value.is_floating_point() and not value.isfinite().all()]
    if broken:
        raise TrainingError(
            f"The weights {broken[0]} are not finite; nothing was saved.", hint="Lower the learning rate."
        )
    try:
        with whole.folder(folder) as unfinished:
            write(model, tokenizer, unfinished, weights=weights)
    except (OSError, SafetensorError) as error:
        raise TrainingError(
            f"The checkpoint cannot be written: {error}.", hint="Free some space and train again."
        ) from error


def write(
    model: PreTrainedModel | PeftModel,
    tokenizer: PreTrainedTokenizerBase,
    folder: Path,
    *,
    weights: dict[str, torch.Tensor] | None = None,
) -> None:
    """Write weights, tokenizer and what generation must know into a folder that is there."""
    generation = causal_of(model).generation_config
    generation.eos_token_id = end_tokens(tokenizer)  # the base may not stop at the end of a turn
    generation.pad_token_id = tokenizer.pad_token_id
    model.save_pretrained(str(folder), safe_serialization=True, state_dict=weights)
    generation.save_pretrained(str(folder))  # an adapter brings none by itself
    tokenizer.save_pretrained(str(folder))


def dtype_of(source: str) -> torch.dtype:
    """In which arithmetic the weights of a model are stored; fp32 where its files do not say or are gone."""
    try:
        dtype = AutoConfig.from_pretrained(source, local_files_only=True, trust_remote_code=False).dtype
    except (OSError, ValueError):
        return torch.float32
    return dtype if isinstance(dtype, torch.dtype) else torch.float32


@contextmanager
def _explained(source: str, *, hub: bool) -> Iterator[None]:
    """Turn the many errors of loading a model into one that names the folder and the next step."""
    folder = Path(source).expanduser()
    if not hub and not folder.is_dir():
        raise TrainingError(
            f"There is no model folder {source}.",
            hint="Give the folder of a causal language model, or allow the download of a hub model.",
        )
    if folder.is_dir() and not any(folder.glob("*.safetensors")) and any(folder.glob("*.bin")):
        raise TrainingError(
            f"The model in {source} is stored as pickle, which can run code when it is loaded.",
            hint="Convert its weights to safetensors first.",
        )
    try:
        yield
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError) as error:
        first_line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise TrainingError(
            f"The model in {source} cannot be loaded: {first_line}",
            hint="Check that the folder holds config.json, the tokenizer and safetensors of a causal language model.",
        ) from error
