"""Embedding: texts as vectors, by a model in a folder on this machine.

Three kinds of folder are known. A language model, such as the base of a training: the position-weighted mean of its
last hidden states, since later tokens have read more (Muennighoff 2022, "SGPT"; Ivison et al. 2025, arXiv 2503.01807,
choose training data by it). An encoder, such as a sentence embedding: their plain mean. A table of static vectors in
the form of model2vec: the mean over the tokens. Nothing is downloaded, and no code of a model is run.

B texts, T tokens, K dimensions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import orjson
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file
from tokenizers import Tokenizer
from transformers import AutoModel, AutoTokenizer

from curator.errors import TrainingError

_MOST_TOKENS = 512
"""Of a text that are read."""

Embed = Callable[[Sequence[str]], NDArray[np.float32]]
"""Texts to vectors, (B, K)."""


def embedder_of(folder: Path) -> Embed:
    """What makes vectors of texts by the model in a folder.

    Raises:
        TrainingError: The folder holds no model that can be loaded.
    """
    try:
        config = orjson.loads((folder / "config.json").read_bytes())
        if config.get("model_type") == "model2vec":
            return _static(folder)
        names = [str(each) for each in config.get("architectures") or ()]
        return _contextual(folder, is_causal=any("Causal" in name or "LMHead" in name for name in names))
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise TrainingError(
            f"The model in {folder} cannot be loaded: {error}.",
            hint="Name the folder of a language model, a sentence embedding or a model2vec model.",
        ) from error


def _static(folder: Path) -> Embed:
    tensors = load_file(folder / "model.safetensors")
    table = tensors["embeddings"].astype(np.float32)
    rows = tensors.get("mapping", np.arange(len(table)))
    weights = tensors.get("weights", np.ones(len(rows))).astype(np.float32)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.zeros((len(texts), table.shape[1]), np.float32)
        for n, encoded in enumerate(tokenizer.encode_batch(list(texts), add_special_tokens=False)):
            ids = np.array(encoded.ids[:_MOST_TOKENS], np.int64)
            if len(ids):
                vectors[n] = (table[rows[ids]] * weights[ids, None]).mean(axis=0)
        return vectors

    return embed


def _contextual(folder: Path, *, is_causal: bool) -> Embed:
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "right"
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = AutoModel.from_pretrained(
        folder, local_files_only=True, trust_remote_code=False, use_safetensors=True, dtype=torch.float32
    )
    model = model.to(device).eval()
    longest = min(_MOST_TOKENS, int(getattr(model.config, "max_position_embeddings", None) or _MOST_TOKENS))

    def embed(texts: Sequence[str]) -> NDArray[np.float32]:
        batch = tokenizer(
            [text or " " for text in texts], padding=True, truncation=True, max_length=longest, return_tensors="pt"
        ).to(device)
        with torch.inference_mode():
            hidden = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).last_hidden_state
        weights = batch["attention_mask"].float()  # (B, T)
        if is_causal:
            weights = weights * torch.arange(1, weights.shape[1] + 1, device=device)
        mean = (hidden * weights[..., None]).sum(1) / weights.sum(1, keepdim=True).clamp(min=1)
        return np.asarray(mean.float().cpu().numpy(), np.float32)

    return embed
