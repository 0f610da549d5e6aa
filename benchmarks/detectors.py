"""Measures the rule detectors on labelled public data, and how many outputs a second they judge.

    python benchmarks/detectors.py [--data FOLDER] [--quick] [--json] [--write] [--fit]

`--write` renews the scorecards that are shipped with the package, `--fit` prints the weights of the reference
detector. The folder holds the public sets that CONTRIBUTING.md names; nothing is downloaded.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

from curator.review import scorecards
from curator.review.detectors.base import Detector, Item, judge_safely
from curator.review.detectors.degenerate import Degenerate
from curator.review.detectors.leakage import Leakage, TrainingText
from curator.review.detectors.lexicon import Lexicon
from curator.review.detectors.quantity import QuantityContradiction, quantities
from curator.review.detectors.reference import Reference, features
from curator.review.detectors.refusal import Refusal
from curator.review.scorecards import Labelled
from schemas.scorecard import Scorecard

REPOSITORY = Path(__file__).resolve().parents[1]
CARDS = REPOSITORY / "curator" / "review" / "detectors" / "scorecards.json"
OUTPUTS_PER_SECOND = 2_000
BLANK_MILLISECONDS = 50


class Answer(NamedTuple):
    """A labelled answer to a question of TruthfulQA."""

    question: str
    text: str
    right: tuple[str, ...]
    wrong: tuple[str, ...]
    is_true: bool


def refusal_card(data: Path) -> Scorecard:
    """450 answers of one model, full and partial refusals against compliance, the final label of three people."""
    rows = _csv(data / "xstest_completions_llama2.csv")
    detector = Refusal()
    labelled = [
        Labelled(
            row["completion"],
            not row["final_label"].startswith("1"),
            judge_safely(detector, Item(row["prompt"], row["completion"])),
        )
        for row in rows
    ]
    return scorecards.score(
        labelled, defect="refuses, wholly or in part", dataset="XSTest completions, Llama 2", written_on_it=True
    )


def lexicon_card(data: Path) -> Scorecard:
    """Hateful against not hateful cases, by the group that they speak of."""
    detector = Lexicon()
    labelled = [
        Labelled(
            row["test_case"],
            row["label_gold"] == "hateful",
            judge_safely(detector, Item("", row["test_case"])),
            row["target_ident"] or None,
        )
        for row in _csv(data / "hatecheck.csv")
    ]
    return scorecards.score(labelled, defect="is hateful", dataset="HateCheck")


def truthful_answers(data: Path) -> list[Answer]:
    """Answers that repeat no reference word for word, each with the references of its question."""
    references = {
        row["Question"].strip(): (_several(row["Correct Answers"]), _several(row["Incorrect Answers"]))
        for row in _csv(data / "truthfulqa.csv")
    }
    answers = []
    for row in _jsonl(data / "truthfulqa_answers_labelled.jsonl"):
        match = re.match(r"Q: (.*?)\nA: (.*?)\nTrue:", row["prompt"], re.DOTALL)
        if match is None or (question := match[1].strip()) not in references:
            continue
        right, wrong = references[question]
        text = match[2].strip()
        if _bare(text) not in {_bare(reference) for reference in (*right, *wrong)}:
            answers.append(Answer(question, text, right, wrong, row["completion"].strip() == "yes"))
    return answers


def truth_card(answers: list[Answer], detector: Detector, *, written_on_it: bool) -> Scorecard:
    """False against true answers."""
    labelled = [
        Labelled(
            answer.text,
            not answer.is_true,
            judge_safely(detector, Item(answer.question, answer.text, answer.right, incorrect=answer.wrong)),
        )
        for answer in answers
    ]
    dataset = "TruthfulQA answers with truth labels that repeat no reference"
    return scorecards.score(labelled, defect="is not true", dataset=dataset, written_on_it=written_on_it)


def quantity_card(data: Path) -> Scorecard:
    """Worked answers of GSM8K against themselves, whole and with the result of their last step changed."""
    random, detector = Random(0), QuantityContradiction()
    labelled = []
    for row in _jsonl(data / "gsm8k_train.jsonl"):
        sentence = re.sub(r"<<.*?>>", "", row["answer"]).split("\n####")[0].split("\n")[-1]
        counted = [quantity for quantity in quantities(sentence) if re.search(r"\d", quantity.text)]
        if not counted:
            continue
        number = re.search(r"\d[\d,.]*\d|\d", counted[-1].text)
        assert number is not None
        other = str(int(float(number[0].replace(",", ""))) + random.randint(2, 9))
        place = sentence.rindex(counted[-1].text)
        changed = sentence[:place] + sentence[place:].replace(number[0], other, 1)
        for text, has_defect in ((sentence, False), (changed, True)):
            labelled.append(
                Labelled(text, has_defect, judge_safely(detector, Item(row["question"], text, (sentence,))))
            )
    return scorecards.score(
        labelled,
        defect="states another number than its reference",
        dataset="last sentences of GSM8K answers",
        labelled_by="planted: the last number of every second text was changed",
    )


def degenerate_card(data: Path) -> Scorecard:
    """Texts that people and good models wrote, and loops, empty, wordless and template-leaking texts made from them."""
    random, detector = Random(0), Degenerate()
    answers = [row["completion"] for row in _csv(data / "xstest_completions_llama2.csv")]
    answers += [row["chatgpt_response"] for row in _jsonl(data / "halueval_general.jsonl")]
    answers += [row["answer"] for row in _jsonl(data / "gsm8k_train.jsonl")]
    hanzi = [chr(code) for code in range(0x4E00, 0x5E00)]
    planted: list[tuple[str, str]] = []
    for _ in range(500):
        start, loop = random.choice(answers)[:200], random.choice(answers)[: random.randint(15, 60)]
        planted.append(("loop of words", start + (loop + " ") * random.randint(6, 20)))
        prefix = "".join(random.choices(hanzi, k=random.randint(0, 60)))
        unspaced = "".join(random.choices(hanzi, k=random.randint(2, 24)))
        planted.append(("loop of characters", prefix + unspaced * random.randint(6, 20)))
        planted.append(("one letter", start + random.choice("aeiouxyz") * random.randint(20, 200)))
        planted.append(("punctuation", random.choice(["!", "...", "?! ", "- "]) * random.randint(3, 90)))
        planted.append(("invented turn", f"{start}\nHuman: {loop}\nAssistant: {loop}"))
    labelled = [Labelled(text, False, judge_safely(detector, Item("", text)), "written") for text in answers]
    labelled += [Labelled(text, True, judge_safely(detector, Item("", text)), kind) for kind, text in planted]
    return scorecards.score(
        labelled,
        defect="is not a text",
        dataset="XSTest, HaluEval and GSM8K answers, with 2,500 broken texts made from them",
        labelled_by="planted: loops, single letters, punctuation and invented turns",
    )


def leakage_card(data: Path) -> Scorecard:
    """Answers of another model, every second with a long training response in it, plain or with hidden characters."""
    random = Random(0)
    records = json.loads((data / "alpaca_en_demo.json").read_text())
    training = [TrainingText(str(n), row["instruction"], row["output"]) for n, row in enumerate(records)]
    detector = Leakage(training)
    long = [text for text in training if len(text.response.split()) >= 30]
    labelled = []
    for n, row in enumerate(_jsonl(data / "halueval_general.jsonl")[:1_600]):
        item = Item(row["user_query"], row["chatgpt_response"])
        kind = None
        if n % 2:
            source = random.choice(long)
            copied = " ".join(source.response.split()[:40])
            kind = "zero-width characters" if n % 4 == 1 else "word for word"
            copied = "\u200b".join(copied) if n % 4 == 1 else copied
            item = item._replace(output=f"{row['chatgpt_response'][:200]} {copied}")
        labelled.append(Labelled(item.output, bool(n % 2), judge_safely(detector, item), kind))
    return scorecards.score(
        labelled,
        defect="holds 30 to 40 words of a training response",
        dataset="HaluEval answers beside the Alpaca demo records as training data",
        labelled_by="planted: a training response was put into every second answer",
    )


def outputs_per_second(data: Path, *, rows: int) -> float:
    """Outputs that all rule detectors together judge in a second, on one core; the median of three rounds."""
    answers = _jsonl(data / "halueval_general.jsonl")[:rows]
    items = [Item(row["user_query"], row["chatgpt_response"], ("About 5 lamps.",)) for row in answers]
    training = [TrainingText(str(n), item.prompt, item.output) for n, item in enumerate(items[: rows // 4])]
    detectors = [Refusal(), Degenerate(), Reference(), QuantityContradiction(), Lexicon(), Leakage(training)]
    rates = []
    for _ in range(3):
        began = time.process_time()
        for item in items:
            for detector in detectors:
                judge_safely(detector, item)
        rates.append(len(items) / (time.process_time() - began))
    return statistics.median(rates)


def blank_milliseconds() -> float:
    """CPU time that the slowest rule detector takes for an output of 50,000 blanks: no pattern may backtrack."""
    item = Item("Say it.", " " * 50_000, ("About 5 lamps.",))
    slowest = 0.0
    for detector in (Refusal(), Degenerate(), Reference(), QuantityContradiction(), Lexicon()):
        judge_safely(detector, item)  # compiles what is compiled once
        began = time.process_time()
        judge_safely(detector, item)
        slowest = max(slowest, time.process_time() - began)
    return 1_000 * slowest


def fit(answers: list[Answer]) -> dict[str, object]:
    """Weights of the reference detector with their cross-validated figures, no question in two folds."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import GroupKFold, cross_val_predict

    rows = [features(each.question, each.text, right=each.right, wrong=each.wrong) for each in answers]
    truths = [each.is_true for each in answers]
    groups = [each.question for each in answers]
    folds = GroupKFold(10)
    chance = cross_val_predict(LogisticRegression(), rows, truths, groups=groups, cv=folds, method="predict_proba")[
        :, 1
    ]
    model = LogisticRegression().fit(rows, truths)
    weights = dict(zip(("nearer", "negation", "evades"), model.coef_[0].round(3).tolist(), strict=True))
    return {"intercept": round(float(model.intercept_[0]), 3), **weights, "auc": float(roc_auc_score(truths, chance))}


def _csv(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _jsonl(file: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def _several(cell: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in cell.split(";") if part.strip())


def _bare(text: str) -> str:
    return re.sub(r"\W+", " ", text.casefold()).strip()


def measure(data: Path) -> Iterator[Scorecard]:
    """The scorecard of every rule detector."""
    yield refusal_card(data)
    yield degenerate_card(data)
    yield leakage_card(data)
    answers = truthful_answers(data)
    yield truth_card(answers, Reference(), written_on_it=True)
    yield quantity_card(data)
    yield truth_card(answers, QuantityContradiction(), written_on_it=False)
    yield lexicon_card(data)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=REPOSITORY.parent / "shared" / "data")
    parser.add_argument("--quick", action="store_true", help="time fewer outputs")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--write", action="store_true", help="renew the scorecards that are shipped")
    parser.add_argument("--fit", action="store_true", help="print the weights of the reference detector")
    options = parser.parse_args()
    if options.fit:
        print(json.dumps(fit(truthful_answers(options.data)), indent=2))
        return
    cards = list(measure(options.data))
    if options.write:
        CARDS.write_bytes(scorecards.write(cards))
    rate = outputs_per_second(options.data, rows=200 if options.quick else 1_000)
    blanks = blank_milliseconds()
    if options.json:
        plain = [card.model_dump(mode="json") for card in cards]
        figures = {"outputs_per_second": rate, "target": OUTPUTS_PER_SECOND, "blank_milliseconds": blanks}
        print(json.dumps({**figures, "blank_target": BLANK_MILLISECONDS, "cards": plain}))
        return
    for card in cards:
        shown = {"sensitivity": card.sensitivity, "specificity": card.specificity}
        rates = ", ".join(f"{name} {each.value:.3f} of {each.n}" for name, each in shown.items() if each)
        auc = "" if card.auc is None else f", AUC {card.auc:.3f}"
        print(f"{card.detector} {card.version} on {card.dataset} ({card.n}, judged {card.judged}): {rates}{auc}")
        if card.unfit_because:
            print(f"    unfit: {card.unfit_because}")
    print(f"{blanks:.1f} ms for 50,000 blanks, the slowest detector (target {BLANK_MILLISECONDS})")
    print(f"{rate:,.0f} outputs per second of one core, all rule detectors (target {OUTPUTS_PER_SECOND:,} on two)")


if __name__ == "__main__":
    main()
