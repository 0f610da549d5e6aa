"""A two-layer model with a byte-level tokenizer: real in every part, trained in a second."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from curator import Workspace, training, versions
from curator.store import projects, records, runs
from schemas.run import Run
from schemas.version import SplitPlan, Version
from tests.conftest import make_record

CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerBase:
    """One token per byte, with ChatML's special tokens."""
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    plain = Tokenizer(models.BPE(vocab={token: n for n, token in enumerate([*special, *alphabet])}, merges=[]))
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=plain,
        bos_token="<|endoftext|>",
        pad_token="<|endoftext|>",
        eos_token="<|im_end|>",
        additional_special_tokens=["<|im_start|>"],
    )
    wrapped.chat_template = CHATML
    return wrapped


@pytest.fixture(scope="session")
def base_folder(tokenizer: PreTrainedTokenizerBase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny base model in a folder, as a user would have one."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=48,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        pad_token_id=0,
        eos_token_id=2,
        bos_token_id=0,
    )
    folder = tmp_path_factory.mktemp("base")
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def frozen(workspace: Workspace) -> tuple[Workspace, Version]:
    """A workspace with a version of 40 records."""
    with workspace.write() as connection:
        project = projects.by_name(connection)
        many = [make_record(f"Say {n} twice.", f"{n} {n}") for n in range(40)]
        records.add_many(connection, many, project=project, at=workspace.clock(), accept=True)
    plan = SplitPlan(train=0.6, validation=0.2, test=0.2)
    return workspace, versions.freeze(workspace, actor="me", name="v", plan=plan)


def ended(workspace: Workspace, run_id: str) -> Run:
    """A detached run as it ended; waits for its process, not for the clock."""
    while True:
        run = next(run for run in training.watch(workspace) if run.id == run_id)
        if not run.is_alive:
            return run
        with workspace.read() as connection:
            mark = runs.process_of(connection, run_id)
        if mark is not None:
            with suppress(psutil.NoSuchProcess, psutil.TimeoutExpired):
                psutil.Process(mark.id).wait(timeout=1)  # a zombie of the server never goes away, hence the time
