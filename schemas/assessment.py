"""What a fine-tune learnt and lost: base against tuned model, and two runs beside each other."""

from __future__ import annotations

from schemas.base import Schema


class Rate(Schema):
    """A share with its two-sided 95 % Wilson interval."""

    found: int
    n: int
    lower: float
    upper: float

    @property
    def value(self) -> float:
        """`found / n`."""
        return self.found / self.n


class HeldOutExample(Schema):
    """A held-out prompt with its reference and what both models said to it, greedily."""

    row_id: str
    prompt: str
    reference: str
    base: str
    tuned: str


class PromotionGate(Schema):
    """One condition of a promotion."""

    name: str
    ok: bool
    explanation: str


class Assessment(Schema):
    """What a fine-tune learnt and lost, base and tuned model on identical held-out records. Losses are in nats per
    response token, summed over tokens and divided once."""

    run: str
    split: str
    records: int
    groups: int
    """Independent groups that the interval is drawn from."""
    nll_base: float
    nll_tuned: float
    change: float
    lower: float | None
    """Of the change: two-sided 95 % interval by a bootstrap over groups; None with a single group."""
    upper: float | None
    improved: float
    """Share of records whose loss fell."""
    bits_per_byte_base: float
    """Of the response text, which no tokenizer changes."""
    bits_per_byte_tuned: float
    end_probability_base: float
    """Mean probability of the end token at the true end."""
    end_probability_tuned: float
    few_shot_nll: float | None
    """Of the base with two training records before each prompt; None where they do not fit."""
    train_nll_tuned: float | None
    """On the training records; far below the held-out loss means learnt by heart."""
    asked: int
    """Held-out prompts that both models answered, greedily."""
    stop_rate_base: Rate
    stop_rate_tuned: Rate
    length_ratio_tuned: float
    """Tokens of the answers over tokens of the references."""
    copies: float
    """Share of the tuned answers that stand word for word in the training responses."""
    kl: float
    """Mean KL divergence of tuned from base per token of the tuned model's answers: larger goes with forgetting
    (Shenfeld et al. 2025, "RL's Razor")."""
    retention_nll_base: float | None
    """On a fixed set of general prompts that the training did not contain; None without such a set."""
    retention_nll_tuned: float | None
    gates: tuple[PromotionGate, ...]
    examples: tuple[HeldOutExample, ...]

    @property
    def passed(self) -> bool:
        """Whether every gate of a promotion holds."""
        return all(gate.ok for gate in self.gates)


class RunComparison(Schema):
    """Two runs beside each other; losses in nats per response token over held-out records that both measured."""

    a: str
    b: str
    settings: dict[str, tuple[str, str]]
    """Those that differ."""
    records: int = 0
    nll_a: float | None = None
    nll_b: float | None = None
    change: float | None = None
    """From a to b; None where they measured no record in common."""
    lower: float | None = None
    upper: float | None = None
    """Two-sided 95 % interval by a bootstrap over groups."""
