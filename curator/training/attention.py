"""Attention inside segments, registered with transformers under the name `FLAT`.

Tokens of a flat batch attend to their own record only: the records are attended one group at a time, never through a
mask over the whole batch. On a GPU PyTorch's variable-length FlashAttention does it in one call. On a CPU, segments of
like length go through one batched product; softmax over explicit scores is faster there than the fused kernel in bf16.

H query heads, K key heads, D head size, T tokens of the batch, S segments of a group, Q and L longest query and key.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from curator.training.batch import Segment

FLAT = "curator_flat"

_ALIKE = 0.8
"""Segments at least this share of a group's longest join the group: the padding inside attention stays small."""
_EXPLICIT = 1024
"""Longest segment whose scores are written out; beyond it their memory outweighs the speed."""


class _Group(NamedTuple):
    """Segments of like length that follow one another in the batch."""

    start: int
    """First token of the group in the batch."""
    tokens: int
    queries: Tensor | None
    """(S * Q,) places of the padded segments' tokens; None for a single segment, which is a slice."""
    keys: Tensor | None
    """(S * L,) places of what they attend to; None where that is the slice itself."""
    back: Tensor | None
    """(tokens,) where each token of the group stands among the padded queries."""
    segments: int
    longest_query: int
    longest_key: int
    bias: Tensor | None
    """(S or 1, Q, L): 0 where a query may look, -inf elsewhere; None where plain causal attention does."""
    explicit: bool
    """Whether the scores are written out, instead of the fused kernel."""


class Layout(NamedTuple):
    """The segments of one flat batch, prepared for the attention of all layers."""

    groups: tuple[_Group, ...]
    cumulative_queries: Tensor | None = None
    """(S + 1,) int32 on a GPU."""
    cumulative_keys: Tensor | None = None
    keys: Tensor | None = None
    """Places of all keys on a GPU, None without folding, where keys are the tokens themselves."""
    longest_query: int = 0
    longest_key: int = 0


_current: list[Layout | None] = [None]  # of the batch under way; an attention function gets no word about its batch


def use(layout: Layout | None) -> None:
    """Let models set to `FLAT` attend by this layout until the next call; None for a padded batch.

    It stays in force during the backward pass, where activation checkpointing runs the layers once more.
    """
    _current[0] = layout


def lay_out(
    segments: Sequence[Segment], *, device: torch.device, dtype: torch.dtype, explicit: bool | None = None
) -> Layout:
    """The layout of a flat batch for a model.

    Args:
        segments: Of the batch.
        device: Of the model.
        dtype: In which it computes.
        explicit: Write scores out; by default in bf16 alone, where that is faster.
    """
    if device.type == "cuda" and dtype in (torch.bfloat16, torch.float16):
        return _for_flash(segments, device)
    if explicit is None:
        explicit = dtype is torch.bfloat16
    groups, first = [], 0
    while first < len(segments):
        last = first + 1
        while last < len(segments) and _alike(segments[first], segments[last]):
            last += 1
        groups.append(_group(segments[first:last], device=device, dtype=dtype, explicit=explicit))
        first = last
    return Layout(tuple(groups))


def _alike(first: Segment, other: Segment) -> bool:
    if (first.prefix > 0) != (other.prefix > 0) or first.length > _EXPLICIT:
        return False
    keys, others = first.prefix + first.length, other.prefix + other.length
    return _ALIKE * first.length <= other.length <= first.length and _ALIKE * keys <= others <= keys


def _group(segments: Sequence[Segment], *, device: torch.device, dtype: torch.dtype, explicit: bool) -> _Group:
    start, tokens = segments[0].start, sum(segment.length for segment in segments)
    longest_query = max(segment.length for segment in segments)
    longest_key = max(segment.prefix + segment.length for segment in segments)
    folded = any(segment.prefix for segment in segments)
    queries = keys = back = None
    if len(segments) > 1 or folded:
        rows, columns, backs = [], [], []
        for n, segment in enumerate(segments):
            own = torch.arange(segment.start, segment.start + segment.length)
            before = torch.arange(segment.prefix_start, segment.prefix_start + segment.prefix)
            rows.append(_repeat_last(own, longest_query))
            columns.append(_repeat_last(torch.cat([before, own]), longest_key))
            backs.append(n * longest_query + torch.arange(segment.length))
        queries, keys, back = (torch.cat(parts).to(device) for parts in (rows, columns, backs))
    bias = None
    explicit = (folded and dtype is torch.bfloat16) or (explicit and longest_key <= _EXPLICIT)
    if folded or explicit:
        # a padded key comes after the segment's own last query, so causality alone keeps it out
        prefixes = torch.tensor([segment.prefix for segment in segments] if folded else [0])
        looks = torch.arange(longest_key) <= (prefixes[:, None] + torch.arange(longest_query))[:, :, None]
        bias = torch.zeros(looks.shape, dtype=dtype).masked_fill_(~looks, float("-inf")).to(device)
    return _Group(start, tokens, queries, keys, back, len(segments), longest_query, longest_key, bias, explicit)


def _repeat_last(places: Tensor, length: int) -> Tensor:
    return torch.cat([places, places[-1:].expand(length - len(places))])


def _for_flash(segments: Sequence[Segment], device: torch.device) -> Layout:
    queries = [segment.length for segment in segments]
    keys = [segment.prefix + segment.length for segment in segments]
    places = None
    if any(segment.prefix for segment in segments):
        parts = []
        for segment in segments:
            parts.append(torch.arange(segment.prefix_start, segment.prefix_start + segment.prefix))
            parts.append(torch.arange(segment.start, segment.start + segment.length))
        places = torch.cat(parts).to(device)
    return Layout(
        (),
        cumulative_queries=torch.tensor([0, *queries]).cumsum(0).to(device, torch.int32),
        cumulative_keys=torch.tensor([0, *keys]).cumsum(0).to(device, torch.int32),
        keys=places,
        longest_query=max(queries),
        longest_key=max(keys),
    )


@torch.compiler.disable  # type: ignore[untyped-decorator]
def _attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **options: Any,
) -> tuple[Tensor, None]:
    """Attention of a flat batch by the layout in use; (1, H, T, D) to (1, T, H, D)."""
    unknown = [name for name in ("softcap", "s_aux", "sinks") if options.get(name) is not None]
    window = options.get("sliding_window")
    layout = _current[0]
    if layout is None or attention_mask is not None or unknown:
        raise NotImplementedError(f"flat attention without a layout, with a mask, or with {unknown}")
    if layout.cumulative_queries is not None and dropout:
        raise NotImplementedError("variable-length FlashAttention has no dropout")
    longest = layout.longest_key or max(group.longest_key for group in layout.groups)
    if window and longest > window:  # some architectures write 0 for none
        raise NotImplementedError(f"a record of {longest} tokens is longer than the attention window of {window}")
    scale = scaling if scaling is not None else query.shape[-1] ** -0.5
    tokens = [part[0].transpose(0, 1) for part in (query, key, value)]  # (T, H or K, D)
    if layout.cumulative_queries is not None:
        return _flash(layout, *tokens, scale=scale)[None], None
    parts = [_attend_group(group, *tokens, scale=scale, dropout=dropout) for group in layout.groups]
    return torch.cat(parts)[None], None


def _attend_group(group: _Group, query: Tensor, key: Tensor, value: Tensor, *, scale: float, dropout: float) -> Tensor:
    """Attention of one group; all (T, heads, D), the answer (tokens, H, D)."""
    count, heads, kept = group.segments, query.shape[1], key.shape[1]
    own = slice(group.start, group.start + group.tokens)
    q = query[own] if group.queries is None else query.index_select(0, group.queries)
    k, v = (part[own] if group.keys is None else part.index_select(0, group.keys) for part in (key, value))
    q = q.view(count, group.longest_query, heads, -1)
    k, v = (part.view(count, group.longest_key, kept, -1) for part in (k, v))
    if group.bias is None or not group.explicit:
        out = scaled_dot_product_attention(
            q.transpose(1, 2),
            k.transpose(1, 2),
            v.transpose(1, 2),
            attn_mask=None if group.bias is None else group.bias[:, None],
            dropout_p=dropout,
            is_causal=group.bias is None,
            scale=scale,
            enable_gqa=heads != kept,
        ).transpose(1, 2)
    else:
        out = _explicit(q, k, v, group.bias, scale=scale, dropout=dropout)
    out = out.reshape(count * group.longest_query, heads, -1)
    return out if group.back is None else out.index_select(0, group.back)


def _explicit(query: Tensor, key: Tensor, value: Tensor, bias: Tensor, *, scale: float, dropout: float) -> Tensor:
    """Softmax over written-out scores; (S, Q, H, D), (S, L, K, D) and (S or 1, Q, L) to (S, Q, H, D)."""
    count, length, heads, size = query.shape
    kept = key.shape[2]
    shared = heads // kept  # query heads per key head: one product for them all
    q = (
        query.view(count, length, kept, shared, size)
        .permute(0, 2, 3, 1, 4)
        .reshape(count * kept, shared * length, size)
    )
    k = key.permute(0, 2, 3, 1).reshape(count * kept, size, -1)
    v = value.transpose(1, 2).reshape(count * kept, -1, size)
    if len(bias) > 1:  # each segment has its own: one per product; else one for all, repeated for the shared heads
        bias = bias[:, None, None].expand(count, kept, shared, length, -1).reshape(count * kept, shared * length, -1)
    else:
        bias = bias.repeat(1, shared, 1)
    weights = torch.baddbmm(bias, q, k, alpha=scale).softmax(dim=-1)
    if dropout:
        weights = torch.dropout(weights, dropout, train=True)
    out = torch.bmm(weights, v).view(count, kept, shared, length, size)
    return out.permute(0, 3, 1, 2, 4).reshape(count, length, heads, size)


def _flash(layout: Layout, query: Tensor, key: Tensor, value: Tensor, *, scale: float) -> Tensor:
    from torch.nn.attention.varlen import varlen_attn  # only builds with CUDA can run it

    assert layout.cumulative_queries is not None
    if layout.keys is not None:
        key, value = key.index_select(0, layout.keys), value.index_select(0, layout.keys)
    out = varlen_attn(
        query.contiguous(),
        key.contiguous(),
        value.contiguous(),
        layout.cumulative_queries,
        layout.cumulative_keys,
        layout.longest_query,
        layout.longest_key,
        scale=scale,
        window_size=(-1, 0),  # causal, aligned at the last key
        enable_gqa=query.shape[1] != key.shape[1],
    )
    assert isinstance(out, Tensor)
    return out


AttentionInterface.register(FLAT, _attend)  # no mask function of that name: transformers then builds no mask
