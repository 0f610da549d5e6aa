"""Records laid end to end: one batch without padding, and the padded one for models that cannot take it.

T tokens of the batch, N of them predicted with a weight, S segments. A *segment* is a run of tokens that attend to one
another; tokens of different records never do. Records with the same prompt may be *folded*: the prompt stands once, and
each response attends to it as if it stood alone (same positions, same keys), so the loss is that of separate records.

Three records, A `hi | x .`, B `Q q | r .` and C `Q q | s t .`, where `|` ends the prompt and `.` is the end of a
response. B and C share their prompt, so it stands once:

    place        0  1  2    3  4    5  6    7  8  9
    token        hi x  .    Q  q    r  .    s  t  .
    position     0  1  2    0  1    2  3    2  3  4      counted as if each record stood alone
    segment      A          prompt  B       C
    predicts     x  .          r,s  .       t  .         q predicts the first token of B and of C

                 hi x  .    Q  q    r  .    s  t  .      who sees whom: a row is a token that looks,
             hi  #                                       a column one that is looked at
             x   #  #
             .   #  #  #
             Q              #
             q              #  #
             r              #  #    #
             .              #  #    #  #
             s              #  #            #
             t              #  #            #  #
             .              #  #            #  #  #

The example of `flat` computes this drawing.

Which tokens carry loss is decided in `labels`, how segments attend in `attention`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from curator.training.labels import Example


class Segment(NamedTuple):
    """Consecutive tokens of a flat batch that attend to `prefix` tokens and, causally, to themselves."""

    start: int
    length: int
    prefix_start: int
    prefix: int
    """Number of tokens before its own that it attends to; 0 unless its prompt is folded."""


class Batch(NamedTuple):
    """What goes through the model at once."""

    input_ids: Tensor
    """(1, T) int64 when flat, (B, T) when padded."""
    position_ids: Tensor | None
    """(1, T) int64, counted anew in each record; None when padded."""
    attention_mask: Tensor | None
    """(B, T) int64, 0 at padding; None when flat."""
    segments: tuple[Segment, ...]
    """Of a flat batch; empty when padded."""
    predicts: Tensor
    """(N,) int64: place in the flattened batch whose hidden state predicts a target. A folded prompt repeats places."""
    targets: Tensor
    """(N,) int64: the predicted tokens."""
    weights: Tensor
    """(N,) float32: weight of each target in the loss."""
    is_response: Tensor
    """(N,) bool: the target belongs to a response."""
    owners: Tensor
    """(N,) int64: which of the records a target belongs to, in the order given."""
    lengths: Tensor
    """Tokens of the record that each token belongs to, in the shape of `input_ids`."""

    def to(self, device: torch.device | str) -> Batch:
        """The batch on another device."""
        moved: dict[str, Any] = {
            name: part.to(device) for name, part in self._asdict().items() if isinstance(part, Tensor)
        }
        return self._replace(**moved)


def flat(examples: Sequence[Example], *, fold: bool = False) -> Batch:
    """Records end to end, long ones first, so that segments of like length lie side by side.

    Args:
        examples: At least one.
        fold: Let records with the same prompt share it.

    Example:
        The drawing above, with 0 to 9 for its tokens:

        >>> def record(row_id: str, prompt: list[int], response: list[int]) -> Example:
        ...     is_response = torch.arange(len(prompt + response)) >= len(prompt)
        ...     return Example(row_id, torch.tensor(prompt + response), is_response, is_response.float())
        >>> records = [record("A", [0], [1, 2]), record("B", [3, 4], [5, 6]), record("C", [3, 4], [7, 8, 9])]
        >>> batch = flat(records, fold=True)
        >>> batch.input_ids[0].tolist()
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
        >>> batch.position_ids[0].tolist()
        [0, 1, 2, 0, 1, 2, 3, 2, 3, 4]
        >>> [(int(place), int(target)) for place, target in zip(batch.predicts, batch.targets)]
        [(0, 1), (1, 2), (4, 5), (5, 6), (4, 7), (7, 8), (8, 9)]
        >>> for row in sees(batch.segments).tolist():
        ...     print("".join("#" if looks else "." for looks in row))
        #.........
        ##........
        ###.......
        ...#......
        ...##.....
        ...###....
        ...####...
        ...##..#..
        ...##..##.
        ...##..###
    """
    prompts: dict[tuple[int, ...] | int, list[int]] = {}
    for n, example in enumerate(examples):
        key = tuple(example.input_ids[: example.prompt_tokens].tolist()) if fold else n
        prompts.setdefault(key, []).append(n)
    whole = [group[0] for group in prompts.values() if len(group) == 1]
    shared = [group for group in prompts.values() if len(group) > 1]

    ids: list[Tensor] = []
    positions: list[Tensor] = []
    segments: list[Segment] = []
    places: list[Tensor] = [torch.empty(0, dtype=torch.int64)] * len(examples)  # of each record's tokens in the batch
    lengths: list[Tensor] = []
    end = 0

    def lay(tokens: Tensor, *, first: int, length: int, prefix_start: int) -> Tensor:
        nonlocal end
        start, end = end, end + len(tokens)
        ids.append(tokens)
        positions.append(torch.arange(first, first + len(tokens)))
        lengths.append(torch.full((len(tokens),), length))
        segments.append(Segment(start, len(tokens), prefix_start, first))
        return torch.arange(start, end)

    for n in sorted(whole, key=lambda n: -len(examples[n].input_ids)):
        tokens = examples[n].input_ids
        places[n] = lay(tokens, first=0, length=len(tokens), prefix_start=0)
    for group in sorted(shared, key=lambda group: -examples[group[0]].prompt_tokens):
        prompt = examples[group[0]].input_ids[: examples[group[0]].prompt_tokens]
        common = lay(prompt, first=0, length=len(prompt), prefix_start=0)
        for n in group:
            tokens = examples[n].input_ids
            own = lay(tokens[len(prompt) :], first=len(prompt), length=len(tokens), prefix_start=int(common[0]))
            places[n] = torch.cat([common, own])

    return Batch(
        input_ids=torch.cat(ids)[None],
        position_ids=torch.cat(positions)[None],
        attention_mask=None,
        segments=tuple(segments),
        lengths=torch.cat(lengths)[None],
        **_targets(examples, places),
    )


def sees(segments: Sequence[Segment]) -> Tensor:
    """Who attends to whom in a flat batch, (T, T) bool: row p looks at column q. What `attention` does without it."""
    tokens = max(segment.start + segment.length for segment in segments)
    looks = torch.zeros((tokens, tokens), dtype=torch.bool)
    for segment in segments:
        own = slice(segment.start, segment.start + segment.length)
        looks[own, own] = torch.ones((segment.length, segment.length), dtype=torch.bool).tril()
        looks[own, segment.prefix_start : segment.prefix_start + segment.prefix] = True
    return looks


def padded(examples: Sequence[Example], *, pad_id: int) -> Batch:
    """Records padded on the right to one length; padding never carries loss, whatever its id."""
    longest = max(len(example.input_ids) for example in examples)
    input_ids = torch.full((len(examples), longest), pad_id)
    mask = torch.zeros((len(examples), longest), dtype=torch.int64)
    for n, example in enumerate(examples):
        input_ids[n, : len(example.input_ids)] = example.input_ids
        mask[n, : len(example.input_ids)] = 1
    places = [n * longest + torch.arange(len(example.input_ids)) for n, example in enumerate(examples)]
    return Batch(
        input_ids=input_ids,
        position_ids=None,
        attention_mask=mask,
        segments=(),
        lengths=mask.sum(dim=1, keepdim=True).expand_as(mask),
        **_targets(examples, places),
    )


def _targets(examples: Sequence[Example], places: Sequence[Tensor]) -> dict[str, Tensor]:
    """Where each weighted token is predicted: at the place of the token before it. The shift happens here, once."""
    predicts, targets, weights, responses, owners = [], [], [], [], []
    for n, (example, place) in enumerate(zip(examples, places, strict=True)):
        weighted = example.weights[1:].nonzero().flatten()  # a first token is predicted by nothing
        predicts.append(place[weighted])
        targets.append(example.input_ids[weighted + 1])
        weights.append(example.weights[weighted + 1])
        responses.append(example.is_response[weighted + 1])
        owners.append(torch.full_like(weighted, n))
    return {
        "predicts": torch.cat(predicts),
        "targets": torch.cat(targets),
        "weights": torch.cat(weights),
        "is_response": torch.cat(responses),
        "owners": torch.cat(owners),
    }
