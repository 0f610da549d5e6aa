"""The verdict head: a small classifier that learns from the team's own verdicts which outputs to look at first.

Logistic regression on word and character n-grams of prompt and output. Every score is of a model that has not seen the
prompt's own verdicts (cross-fitting), so scores of judged and unjudged outputs are alike and may stand in a
prediction-powered estimate (Angelopoulos et al. 2023; cross-fitted: Zrnic and Candes 2024). It orders and it estimates;
it never clears an output. It sees words, so it is of no use where knowledge decides; its own scorecard says so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from curator.review.detectors.base import Detector, Item, abstain, ok
from curator.review.scorecards import Labelled, score
from schemas.review import Finding
from schemas.scorecard import Scorecard

if TYPE_CHECKING:
    import numpy as np
    from sklearn.compose import ColumnTransformer

LEAST_VERDICTS = 30
"""Judged outputs below which it is not fitted."""
LEAST_OF_EACH = 8
"""Judged outputs with, and without, the defect that it needs."""
_FOLDS = 5


class Judged(NamedTuple):
    """An output with what people said of one defect."""

    item: Item
    has_defect: bool
    unit: str
    """Prompt, or cluster of prompts, that it answers; a unit never stands on both sides of a fold."""


class VerdictHead:
    """Scores outputs by what the team's verdicts on other prompts teach about one defect."""

    def __init__(self, judged: Sequence[Judged], *, defect: str) -> None:
        """Fit one model per fold of units.

        Raises:
            ValueError: There are too few verdicts; `why_not` says so before.
        """
        import numpy as np
        from sklearn.linear_model import LogisticRegression  # half a second that every start would wait for

        if reason := why_not(judged):
            raise ValueError(reason)
        self.id = f"verdicts-{defect}"
        self.version = _version(judged)
        self._defect = defect
        self._fold_of = _folds(judged)
        self._features = _features()  # it sees no labels, so one for all folds gives nothing away
        vectors = self._features.fit_transform(_columns([each.item for each in judged]))
        labels = np.array([each.has_defect for each in judged])
        folds = np.array([self._fold_of[each.unit] for each in judged])
        self._models = [
            LogisticRegression(C=10.0, max_iter=1_000).fit(vectors[folds != fold], labels[folds != fold])
            for fold in range(_FOLDS)
        ]
        self.scorecard = self._measure(judged)

    def judge(self, item: Item) -> Finding:
        """The finding on an output of a prompt without verdicts: the mean of all folds' models, never a flag."""
        return self._finding(self.probabilities([item], units=[None])[0])

    def probabilities(self, items: Sequence[Item], *, units: Sequence[str | None]) -> list[float]:
        """Estimated probability of the defect for each output, by models that have not seen its unit's verdicts.

        Args:
            items: Outputs.
            units: The unit of each; None, or one without verdicts, takes the mean of all models.
        """
        if not items:
            return []
        vectors = self._features.transform(_columns(items))
        each_model = [model.predict_proba(vectors)[:, 1] for model in self._models]
        probabilities = []
        for n, unit in enumerate(units):
            fold = None if unit is None else self._fold_of.get(unit)
            scores = [float(scores[n]) for scores in each_model]
            probabilities.append(sum(scores) / len(scores) if fold is None else scores[fold])
        return probabilities

    def _finding(self, probability: float) -> Finding:
        reason = f"Verdicts on other prompts suggest {self._defect} with probability {probability:.2f}."
        return ok(self, score=probability, flag=False, reason=reason)

    def _measure(self, judged: Sequence[Judged]) -> Scorecard:
        """How well verdicts on other prompts predict these; a probability above one half counts as a flag."""
        chances = self.probabilities([each.item for each in judged], units=[each.unit for each in judged])
        labelled = [
            Labelled(each.item.output, each.has_defect, ok(self, score=chance, flag=chance > 0.5))
            for each, chance in zip(judged, chances, strict=True)
        ]
        return score(labelled, defect=self._defect, dataset="own verdicts, each scored by models without its prompt")


class NoVerdictHead:
    """Stands in while there are too few verdicts: it abstains and says what is missing."""

    def __init__(self, judged: Sequence[Judged], *, defect: str) -> None:
        """Remember the reason."""
        self.id = f"verdicts-{defect}"
        self.version = "0"
        self._reason = why_not(judged) or "It was not fitted."

    def judge(self, item: Item) -> Finding:
        """Always an abstention."""
        return abstain(self, self._reason)


def head_of(judged: Sequence[Judged], *, defect: str) -> Detector:
    """The head that these verdicts allow: fitted, or one that abstains."""
    return NoVerdictHead(judged, defect=defect) if why_not(judged) else VerdictHead(judged, defect=defect)


def why_not(judged: Sequence[Judged]) -> str | None:
    """Why no head can be fitted on these verdicts, or None when one can."""
    positives = sum(each.has_defect for each in judged)
    if len(judged) < LEAST_VERDICTS:
        return f"{len(judged)} verdicts; {LEAST_VERDICTS} are needed."
    if min(positives, len(judged) - positives) < LEAST_OF_EACH:
        return f"{positives} of {len(judged)} judged outputs have the defect; {LEAST_OF_EACH} of each kind are needed."
    units = {True: set[str](), False: set[str]()}
    for each in judged:
        units[each.has_defect].add(each.unit)
    if min(map(len, units.values())) < _FOLDS:
        return f"The verdicts are on too few prompts: {_FOLDS} with and {_FOLDS} without the defect are needed."
    return None


def _folds(judged: Sequence[Judged]) -> dict[str, int]:
    """The fold of every unit; units with and without the defect are dealt out alike, in an order of their names."""
    defective = {each.unit for each in judged if each.has_defect}
    ordered = sorted({each.unit for each in judged}, key=lambda unit: (unit in defective, _digest(unit)))
    return {unit: n % _FOLDS for n, unit in enumerate(ordered)}


def _features() -> ColumnTransformer:
    from sklearn.compose import ColumnTransformer
    from sklearn.feature_extraction.text import TfidfVectorizer

    def ngrams(name: str, column: int, **options: object) -> tuple[str, TfidfVectorizer, int]:
        return name, TfidfVectorizer(sublinear_tf=True, **options), column

    return ColumnTransformer([
        ngrams("prompt words", 0, ngram_range=(1, 2)),
        ngrams("output words", 1, ngram_range=(1, 2), min_df=2),
        ngrams("output characters", 1, analyzer="char_wb", ngram_range=(2, 5), min_df=2),
    ])  # fmt: skip


def _columns(items: Sequence[Item]) -> np.ndarray:
    import numpy as np

    columns = np.empty((len(items), 2), dtype=object)
    for n, item in enumerate(items):
        columns[n] = item.prompt, item.output
    return columns


def _version(judged: Sequence[Judged]) -> str:
    """Changes with the verdicts that it was fitted on."""
    parts = sorted(f"{_digest(each.item.prompt)} {_digest(each.item.output)} {each.has_defect}" for each in judged)
    return _digest("\n".join(parts))[:16]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
