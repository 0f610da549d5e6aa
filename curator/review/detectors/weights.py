"""Detectors with weights of their own, read from a local folder: guards, classifiers of evidence, inference models.

A folder is opened as training opens a base: safetensors only, no code from it, nothing fetched. What a model answers in
another form than the adapter knows is an error, and an error is never a pass. Each adapter follows the input that its
family was trained on; which labels are bad is said by the caller, since names differ from model to model.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
)

from curator.errors import ReviewError
from curator.review.detectors.base import Item, abstain, ok
from schemas.review import Finding

_BATCH = 16
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")


class SequenceClassifier:
    """Flags an output to which a classifier gives its bad labels: toxicity models and small encoder guards."""

    def __init__(
        self,
        folder: Path,
        *,
        bad_labels: Sequence[str],
        threshold: float = 0.5,
        reads: Literal["output", "prompt and output"] = "output",
    ) -> None:
        """Load it.

        Args:
            folder: Model and tokenizer.
            bad_labels: Names of its labels that mean a defect.
            threshold: Probability from which an output is flagged.
            reads: Whether it was trained on outputs alone or behind their prompts.

        Raises:
            ReviewError: The folder holds no such model, or a label is not one of its own.
        """
        self._model, self._tokenizer = _load(folder, AutoModelForSequenceClassification)
        self._bad = _label_ids(self._model, bad_labels, folder)
        self._threshold = threshold
        self._reads = reads
        self.id = f"classifier-{folder.name}"
        self.version = f"{_hash(folder)}-{'+'.join(sorted(bad_labels))}-{threshold:g}-{reads[0]}"

    def judge(self, item: Item) -> Finding:
        """The finding on one output."""
        return self.judge_many([item])[0]

    def judge_many(self, items: Sequence[Item]) -> list[Finding]:
        """One finding per output; a long output is read in pieces, and its worst piece decides."""
        worst = [0.0] * len(items)
        for start in range(0, len(items), _BATCH):
            part = items[start : start + _BATCH]
            pieces = self._pieces(part)
            owners = pieces.pop("overflow_to_sample_mapping").tolist()
            for n, probability in zip(owners, self._bad_probabilities(pieces), strict=True):
                worst[start + n] = max(worst[start + n], probability)
        reason = "Its bad labels are likely."
        return [
            ok(self, score=score, flag=score >= self._threshold, reason=reason if score >= self._threshold else "")
            for score in worst
        ]

    def _pieces(self, items: Sequence[Item]) -> Any:
        """The texts as the model reads them: the whole prompt, or its end, before every piece of the output."""
        outputs = [item.output for item in items]
        texts: tuple[list[str], ...] = (outputs,)
        if self._reads == "prompt and output":
            texts = ([self._end_of(item.prompt) for item in items], outputs)
        return self._tokenizer(
            *texts,
            truncation="only_first" if len(texts) == 1 else "only_second",
            max_length=_window(self._model, self._tokenizer),
            return_overflowing_tokens=True,
            padding=True,
            return_tensors="pt",
            split_special_tokens=True,
        )

    def _end_of(self, prompt: str) -> str:
        """The last tokens of a prompt, as text: half of what the model can read."""
        offsets = self._tokenizer(prompt, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        room = _window(self._model, self._tokenizer) // 2
        return prompt if len(offsets) <= room else prompt[offsets[-room][0] :]

    def _bad_probabilities(self, pieces: Any) -> list[float]:
        with torch.inference_mode():
            logits = self._model(**pieces).logits.float()
        several = self._model.config.problem_type == "multi_label_classification" or logits.shape[1] == 1
        probabilities = torch.sigmoid(logits) if several else torch.softmax(logits, dim=1)
        bad = probabilities[:, self._bad]
        return list((bad.amax(dim=1) if several else bad.sum(dim=1)).tolist())


class DecoderGuard:
    """Flags an output that a generative guard calls unsafe: Qwen3Guard, Llama Guard and models that answer alike."""

    _LONGEST = 64
    """Tokens of a guard's answer."""
    _QWEN = re.compile(r"^\s*safety:\s*(safe|unsafe|controversial)\b", re.IGNORECASE | re.MULTILINE)
    _CATEGORIES = re.compile(r"^\s*categories:\s*(.{1,200})$", re.IGNORECASE | re.MULTILINE)
    _LLAMA = re.compile(r"\A\s*(safe|unsafe)\b[\s,]*(S\d{1,2}(?:\s*,\s*S\d{1,2})*)?", re.IGNORECASE)

    def __init__(self, folder: Path) -> None:
        """Load it.

        Raises:
            ReviewError: The folder holds no such model, or its tokenizer has no chat template.
        """
        self._model, self._tokenizer = _load(folder, AutoModelForCausalLM)
        if self._tokenizer.chat_template is None:
            raise ReviewError(
                f"The tokenizer in {folder} has no chat template, so the guard cannot be asked as it was trained.",
                hint="Take the folder as its authors published it.",
            )
        self.id = f"guard-{folder.name}"
        self.version = _hash(folder)

    def judge(self, item: Item) -> Finding:
        """The finding on one output.

        Raises:
            ValueError: The guard answered in a form that is not known.
        """
        prompt = [{"role": "user", "content": item.prompt}, {"role": "assistant", "content": item.output}]
        encoded = self._tokenizer.apply_chat_template(
            prompt, add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        length = encoded["input_ids"].shape[1]
        if length + self._LONGEST > _window(self._model, self._tokenizer):
            return abstain(self, f"Prompt and output have {length} tokens, more than the guard can read.")
        with torch.inference_mode():
            generated = self._model.generate(
                **encoded, max_new_tokens=self._LONGEST, do_sample=False, pad_token_id=_pad(self._tokenizer)
            )
        return self._read(self._tokenizer.decode(generated[0, length:], skip_special_tokens=True))

    def _read(self, answer: str) -> Finding:
        qwen, llama = self._QWEN.search(answer), self._LLAMA.match(answer)
        if qwen is not None:
            said = qwen[1].lower()
            categories = self._CATEGORIES.search(answer)
            named = categories[1].strip() if categories else ""
        elif llama is not None:
            said, named = llama[1].lower(), llama[2] or ""
        else:
            raise ValueError(f"the guard said {answer[:80]!r}, which is not a verdict")
        score = {"safe": 0.0, "controversial": 0.5, "unsafe": 1.0}[said]
        reason = "" if said == "safe" else f"The guard calls it {said}."
        return ok(self, score=score, flag=said != "safe", reason=reason, evidence=[named] if named else ())


class EvidenceClassifier:
    """Flags an output of which a sentence is not supported by the references: inference models, FactCG and the like.

    A sentence counts as supported when one reference supports it.
    """

    def __init__(self, folder: Path, *, supported_labels: Sequence[str], threshold: float = 0.5) -> None:
        """Load it.

        Args:
            folder: Model and tokenizer of a classifier of text pairs (evidence, claim).
            supported_labels: Names of its labels that mean support, as in `entailment`.
            threshold: Probability of support below which a sentence is flagged.

        Raises:
            ReviewError: The folder holds no such model, or a label is not one of its own.
        """
        self._model, self._tokenizer = _load(folder, AutoModelForSequenceClassification)
        self._supported = _label_ids(self._model, supported_labels, folder)
        self._threshold = threshold
        self.id = f"evidence-{folder.name}"
        self.version = f"{_hash(folder)}-{'+'.join(sorted(supported_labels))}-{threshold:g}"

    def judge(self, item: Item) -> Finding:
        """Flagged with the sentences that no reference supports."""
        if not item.references:
            return abstain(self, "The prompt has no reference that could support the output.")
        claims = [sentence for sentence in _SENTENCE_END.split(item.output.strip()) if sentence]
        if not claims:
            return abstain(self, "The output claims nothing.")
        window = _window(self._model, self._tokenizer)
        pairs = [(reference, claim) for claim in claims for reference in item.references]
        support: list[float] = []
        for start in range(0, len(pairs), _BATCH):
            part = pairs[start : start + _BATCH]
            encoded = self._tokenizer(
                [reference for reference, _ in part],
                [claim for _, claim in part],
                padding=True,
                truncation="only_first",
                max_length=window,
                return_tensors="pt",
                split_special_tokens=True,
            )
            with torch.inference_mode():
                probabilities = torch.softmax(self._model(**encoded).logits.float(), dim=1)
            support += probabilities[:, self._supported].sum(dim=1).tolist()
        count = len(item.references)
        best = [max(support[n * count : (n + 1) * count]) for n in range(len(claims))]
        unsupported = [claim for claim, chance in zip(claims, best, strict=True) if chance < self._threshold]
        reason = f"{len(unsupported)} of {len(claims)} sentences are not supported." if unsupported else ""
        return ok(self, score=1 - min(best), flag=bool(unsupported), reason=reason, evidence=unsupported)


class SpanClassifier:
    """Flags spans of an output that the references do not support: token classifiers like LettuceDetect."""

    def __init__(self, folder: Path, *, bad_labels: Sequence[str], threshold: float = 0.5) -> None:
        """Load it.

        Args:
            folder: Model and tokenizer of a classifier of tokens in (context and question, answer).
            bad_labels: Names of its labels that mean an unsupported token.
            threshold: Probability from which a token is flagged.

        Raises:
            ReviewError: The folder holds no such model, its tokenizer cannot tell where a token stands, or a label is
                not one of its own.
        """
        self._model, self._tokenizer = _load(folder, AutoModelForTokenClassification)
        if not self._tokenizer.is_fast:
            raise ReviewError(f"The tokenizer in {folder} cannot tell where a token stands.", hint="Take a fast one.")
        self._bad = _label_ids(self._model, bad_labels, folder)
        self._threshold = threshold
        self.id = f"spans-{folder.name}"
        self.version = f"{_hash(folder)}-{'+'.join(sorted(bad_labels))}-{threshold:g}"

    def judge(self, item: Item) -> Finding:
        """Flagged with the spans that are not supported."""
        if not item.references:
            return abstain(self, "The prompt has no reference that could support the output.")
        if not item.output.strip():
            return abstain(self, "The output claims nothing.")
        context = "\n".join((*item.references, item.prompt))
        encoded = self._tokenizer(
            context, item.output, return_offsets_mapping=True, return_tensors="pt", split_special_tokens=True
        )
        if encoded["input_ids"].shape[1] > _window(self._model, self._tokenizer):
            return abstain(self, "References and output are longer than the model can read.")
        offsets = encoded.pop("offset_mapping")[0].tolist()
        with torch.inference_mode():
            probabilities = torch.softmax(self._model(**encoded).logits[0].float(), dim=1)[:, self._bad].sum(dim=1)
        spans: list[list[int]] = []
        worst = 0.0
        for (start, end), chance, part in zip(offsets, probabilities.tolist(), encoded.sequence_ids(0), strict=True):
            if part != 1:
                continue
            worst = max(worst, chance)
            if chance < self._threshold:
                continue
            if spans and start <= spans[-1][1] + 1:
                spans[-1][1] = end
            else:
                spans.append([start, end])
        texts = [item.output[start:end] for start, end in spans]
        reason = f"{len(texts)} spans are not supported." if texts else ""
        return ok(self, score=worst, flag=bool(texts), reason=reason, evidence=texts)


def _load(folder: Path, architecture: Any) -> tuple[Any, Any]:
    """Model and tokenizer; transformers annotates neither closely enough to be called through its types."""
    if not folder.is_dir():
        raise ReviewError(f"There is no folder {folder}.", hint="Name the folder of a model on this machine.")
    try:
        model = architecture.from_pretrained(
            folder, dtype=torch.float32, local_files_only=True, trust_remote_code=False, use_safetensors=True
        )
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise ReviewError(
            f"{folder} cannot be loaded as a detector: {error}", hint="It needs safetensors, a config and a tokenizer."
        ) from error
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return model.eval(), tokenizer


def _label_ids(model: Any, labels: Sequence[str], folder: Path) -> list[int]:
    known = {str(name).casefold(): int(number) for number, name in model.config.id2label.items()}
    unknown = [label for label in labels if label.casefold() not in known]
    if unknown or not labels:
        missing = f"has no label {unknown[0]!r}" if unknown else "was given no label"
        raise ReviewError(f"The model in {folder} {missing}.", hint=f"Its labels are {', '.join(sorted(known))}.")
    return [known[label.casefold()] for label in labels]


def _window(model: Any, tokenizer: Any) -> int:
    """Tokens that the model can read at once."""
    positions = getattr(model.config, "max_position_embeddings", None) or tokenizer.model_max_length
    return int(min(positions, tokenizer.model_max_length))


def _pad(tokenizer: Any) -> int:
    return int(tokenizer.pad_token_id)


def _hash(folder: Path) -> str:
    """First 16 hex digits of a hash over weights, config and tokenizer: other weights are another detector."""
    digest = hashlib.sha256()
    for file in sorted(file for file in folder.iterdir() if file.suffix in (".safetensors", ".json", ".jinja", ".txt")):
        with file.open("rb") as stream:
            digest.update(file.name.encode() + hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()[:16]
