"""Detectors with weights: tiny random models of the architectures that guards have, opened from local folders."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertForTokenClassification,
    LlamaConfig,
    LlamaForCausalLM,
    ModernBertConfig,
    ModernBertForTokenClassification,
    PreTrainedTokenizerFast,
)

from curator.errors import ReviewError
from curator.review.detectors.base import Item, judge_all_safely, judge_safely
from curator.review.detectors.from_file import read_detectors
from curator.review.detectors.weights import DecoderGuard, EvidenceClassifier, SequenceClassifier, SpanClassifier
from schemas.review import FindingStatus

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "lamp", "is", "red", "blue", "bad", "good", "word", ".", "?")


def tokenizer(folder: Path, **extra: str) -> PreTrainedTokenizerFast:
    backend = Tokenizer(models.WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    made = PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]",
        model_max_length=32, **extra,
    )  # fmt: skip
    made.save_pretrained(folder)
    return made


def config(**labels: str) -> BertConfig:
    return BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=32, id2label=dict(enumerate(labels.values())),
        label2id={name: n for n, name in enumerate(labels.values())},
    )  # fmt: skip


@pytest.fixture
def classifier(tmp_path: Path) -> Path:
    """A classifier that calls a text toxic by the word "bad" alone, whatever stands around it."""
    folder = tmp_path / "toxic"
    torch.manual_seed(0)
    BertForSequenceClassification(config(a="fine", b="toxic")).save_pretrained(folder)
    tokenizer(folder)
    return folder


def test_a_sequence_classifier_gives_the_probability_of_its_bad_labels(classifier: Path) -> None:
    toxic = SequenceClassifier(classifier, bad_labels=["toxic"])
    fine = SequenceClassifier(classifier, bad_labels=["FINE"])
    first, second = (each.judge(Item("the lamp?", "the lamp is red .")) for each in (toxic, fine))
    assert first.score is not None
    assert second.score is not None
    assert first.score + second.score == pytest.approx(1.0)
    assert first.flag is (first.score >= 0.5)
    assert toxic.version != fine.version


def test_company_and_order_do_not_change_a_score(classifier: Path) -> None:
    detector = SequenceClassifier(classifier, bad_labels=["toxic"], reads="prompt and output")
    items = [Item("the lamp?", "bad"), Item("?", "the lamp is red . " * 3), Item("is the lamp red ?", "")]
    together = detector.judge_many(items)
    assert [finding.score for finding in together] == pytest.approx([detector.judge(item).score for item in items])


def test_a_long_output_is_as_bad_as_its_worst_piece(classifier: Path) -> None:
    detector = SequenceClassifier(classifier, bad_labels=["toxic"])
    room = 32 - 2  # two special tokens
    pieces = ["the " * room, "bad " * room, "word " * 7]
    worst = max(detector.judge(Item("p", piece)).score or 0 for piece in pieces)
    assert detector.judge(Item("p", "".join(pieces))).score == pytest.approx(worst)


def test_an_unknown_label_is_refused_with_the_labels_that_there_are(classifier: Path) -> None:
    with pytest.raises(ReviewError, match=r"no label 'hate'.*fine, toxic"):
        SequenceClassifier(classifier, bad_labels=["hate"])


def test_weights_that_are_no_safetensors_are_refused(classifier: Path) -> None:
    torch.save({}, classifier / "pytorch_model.bin")
    (classifier / "model.safetensors").unlink()
    with pytest.raises(ReviewError, match="cannot be loaded"):
        SequenceClassifier(classifier, bad_labels=["toxic"])
    with pytest.raises(ReviewError, match="There is no folder"):
        SequenceClassifier(classifier / "nowhere", bad_labels=["toxic"])


def test_an_evidence_classifier_needs_one_reference_that_supports_each_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "nli"
    torch.manual_seed(1)
    BertForSequenceClassification(config(a="entailment", b="neutral", c="contradiction")).save_pretrained(folder)
    tokenizer(folder)
    lenient = EvidenceClassifier(folder, supported_labels=["entailment"], threshold=0.0)
    strict = EvidenceClassifier(folder, supported_labels=["entailment"], threshold=1.0)
    item = Item("is it red ?", "the lamp is red. the lamp is blue.", ("the lamp is red", "the lamp is good"))
    assert lenient.judge(item).flag is False
    finding = strict.judge(item)
    assert finding.flag
    assert finding.evidence == ["the lamp is red.", "the lamp is blue."]
    one = EvidenceClassifier(folder, supported_labels=["entailment"]).judge(
        item._replace(references=item.references[:1])
    )
    both = EvidenceClassifier(folder, supported_labels=["entailment"]).judge(item)
    assert both.score is not None
    assert one.score is not None
    assert both.score <= one.score + 1e-6  # another reference can only support more
    assert strict.judge(Item("p", "o")).status is FindingStatus.ABSTAIN


@pytest.mark.parametrize("architecture", ["bert", "modernbert"])
def test_a_span_classifier_names_the_words_of_the_output_that_are_not_supported(
    tmp_path: Path, architecture: str
) -> None:
    folder = tmp_path / architecture
    torch.manual_seed(2)
    if architecture == "bert":
        BertForTokenClassification(config(a="supported", b="hallucinated")).save_pretrained(folder)
    else:
        small = ModernBertConfig(
            vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16,
            max_position_embeddings=32, pad_token_id=0, cls_token_id=2, sep_token_id=3, bos_token_id=2, eos_token_id=3,
            id2label={0: "supported", 1: "hallucinated"}, label2id={"supported": 0, "hallucinated": 1},
        )  # fmt: skip
        ModernBertForTokenClassification(small).save_pretrained(folder)
    tokenizer(folder)
    item = Item("is it red ?", "the lamp is blue", ("the lamp is red",))
    everything = SpanClassifier(folder, bad_labels=["hallucinated"], threshold=0.0).judge(item)
    nothing = SpanClassifier(folder, bad_labels=["hallucinated"], threshold=1.0).judge(item)
    assert everything.evidence == ["the lamp is blue"]
    assert nothing.flag is False
    assert everything.score == nothing.score
    too_long = item._replace(references=("the lamp is red " * 20,))
    assert SpanClassifier(folder, bad_labels=["hallucinated"]).judge(too_long).status is FindingStatus.ABSTAIN


@pytest.fixture
def guard(tmp_path: Path) -> Path:
    folder = tmp_path / "guard"
    torch.manual_seed(3)
    small = LlamaConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2,
        intermediate_size=16, max_position_embeddings=128, pad_token_id=0, eos_token_id=3, bos_token_id=2,
    )  # fmt: skip
    LlamaForCausalLM(small).save_pretrained(folder)
    made = tokenizer(folder)
    made.model_max_length = 128
    made.chat_template = "{% for m in messages %}{{ m.role }} {{ m.content }} {% endfor %}word"
    made.save_pretrained(folder)
    return folder


def test_a_guard_that_answers_in_an_unknown_form_is_an_error_and_not_a_pass(guard: Path) -> None:
    finding = judge_safely(DecoderGuard(guard), Item("is it red ?", "the lamp is red"))
    assert finding.status is FindingStatus.ERROR
    assert "which is not a verdict" in finding.reason


def test_a_guard_abstains_where_it_cannot_read_everything(guard: Path) -> None:
    finding = DecoderGuard(guard).judge(Item("is it red ?", "the lamp is red " * 40))
    assert finding.status is FindingStatus.ABSTAIN


def test_a_guard_without_a_template_is_refused(guard: Path) -> None:
    (guard / "chat_template.jinja").unlink()
    with pytest.raises(ReviewError, match="no chat template"):
        DecoderGuard(guard)


@pytest.mark.parametrize(
    ("answer", "flag", "score", "evidence"),
    [
        ("Safety: Safe\nCategories: None\nRefusal: Yes", False, 0.0, ["None"]),
        ("Safety: Unsafe\nCategories: Violent\nRefusal: No", True, 1.0, ["Violent"]),
        (
            "Safety: Controversial\nCategories: Politically Sensitive Topics",
            True,
            0.5,
            ["Politically Sensitive Topics"],
        ),
        ("\n\nsafe", False, 0.0, None),
        ("unsafe\nS1,S10", True, 1.0, ["S1,S10"]),
    ],
)
def test_the_answers_of_known_families_are_read(
    guard: Path, answer: str, flag: bool, score: float, evidence: list[str] | None
) -> None:
    finding = DecoderGuard(guard)._read(answer)
    assert (finding.flag, finding.score, finding.evidence) == (flag, score, evidence)


def test_one_output_that_cannot_be_read_does_not_take_the_others_along() -> None:
    class Fragile:
        id = "fragile"
        version = "1"

        def judge(self, item: Item):
            from curator.review.detectors.base import ok

            if item.output == "broken":
                raise RuntimeError("cannot read it")
            return ok(self, score=0.0, flag=False)

        def judge_many(self, items):
            return [self.judge(item) for item in items]

    findings = judge_all_safely(Fragile(), [Item("p", "fine"), Item("p", "broken"), Item("p", "fine too")])
    assert [finding.status for finding in findings] == [FindingStatus.OK, FindingStatus.ERROR, FindingStatus.OK]


def test_a_file_names_detectors_beside_it(classifier: Path, guard: Path) -> None:
    file = classifier.parent / "detectors.toml"
    file.write_text(
        '[[detector]]\nkind = "classifier"\nfolder = "toxic"\nlabels = ["toxic"]\n'
        '[[detector]]\nkind = "guard"\nfolder = "guard"\n'
    )
    assert [detector.id for detector in read_detectors(file)] == ["classifier-toxic", "guard-guard"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[[detector", "is not TOML"),
        ('[[detector]]\nkind = "oracle"\nfolder = "x"', "detector.0"),
        ('[[detector]]\nkind = "classifier"\nfolder = "x"', "detector.0.classifier.labels"),
        ('[[detector]]\nkind = "guard"\nfolder = "x"', "There is no folder"),
    ],
)
def test_a_file_that_says_something_else_is_refused_with_the_place(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "detectors.toml"
    file.write_text(text)
    with pytest.raises(ReviewError, match=problem):
        read_detectors(file)
