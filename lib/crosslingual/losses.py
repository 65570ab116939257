"""Cross-entropy over a large vocabulary without keeping log-probabilities.

PyTorch's log-softmax writes fp32 tables of (tokens, vocabulary) in both directions; on a
CPU that is a third of a small model's step. Here the gradient is formed where the
probabilities are, in one pass, chunk by chunk.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

__all__ = ["plain_loss", "sampled_rows", "seq2seq_loss", "vocabulary_loss"]

_CHUNK = 256  # rows at a time: the table of logits stays in a processor's cache
_ROWS = 2000  # of the vocabulary at a time, for the same reason
_GPU_CHUNK = 4096  # on a GPU: as many as fill it, and not more than its memory bears


class _VocabularyLoss(torch.autograd.Function):
    """Mean cross-entropy of ``hidden @ weight.T`` against labels."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: torch.Tensor,
        weight: torch.Tensor,
        labels: torch.Tensor,
        fuse: bool,
        bias: torch.Tensor | None,
    ) -> torch.Tensor:
        total = hidden.new_zeros((), dtype=torch.float32)
        table = weight.to(hidden.dtype)
        grad_hidden = torch.empty_like(hidden)
        grad_weight: torch.Tensor | None = None
        kept: list[torch.Tensor] = []
        count = labels.numel()
        size = _GPU_CHUNK if hidden.is_cuda else _CHUNK
        for start in range(0, count, size):
            part, goal = hidden[start : start + size], labels[start : start + size]
            logits = (part @ table.T).float()
            if bias is not None:
                logits += bias
            picked = logits.gather(1, goal[:, None]).squeeze(1)
            top = logits.amax(dim=1, keepdim=True)
            logits.sub_(top).exp_()
            sums = logits.sum(dim=1, keepdim=True)
            total += (sums.log() + top).sum() - picked.sum()
            logits.div_(sums * count)
            logits.scatter_add_(1, goal[:, None], logits.new_full((len(goal), 1), -1.0 / count))
            grad = logits.to(hidden.dtype)
            grad_hidden[start : start + size] = grad @ table
            if not ctx.needs_input_grad[1]:
                continue
            if fuse:
                kept += [grad, part]
                continue
            more = grad.T @ part
            if count > size:
                more = more.float()
            grad_weight = more if grad_weight is None else grad_weight.add_(more)
        ctx.save_for_backward(grad_hidden, grad_weight, weight if fuse else None, *kept)
        return total / count

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        grad_hidden, grad_weight, weight, *kept = ctx.saved_tensors
        if weight is not None and kept:
            # Straight into the accumulated gradient, some rows at a time: of the largest
            # tensor of a step no copy is made, which is a tenth of a small model's step.
            if weight.grad is None:
                weight.grad = torch.zeros_like(weight)
            scale, size = float(grads[0]), len(weight) if weight.is_cuda else _ROWS
            for grad, part in zip(kept[::2], kept[1::2], strict=True):
                for start in range(0, len(weight), size):
                    rows = slice(start, start + size)
                    weight.grad[rows].add_(grad.T[rows] @ part, alpha=scale)
        elif grad_weight is not None:
            return grad_hidden * grads[0], grad_weight.float() * grads[0], None, None, None
        return grad_hidden * grads[0], None, None, None, None


def vocabulary_loss(
    hidden: torch.Tensor,
    weight: torch.Tensor,
    labels: torch.Tensor,
    fuse: bool = False,
    bias: torch.Tensor | None = None,
) -> torch.Tensor:
    """Mean cross-entropy over a vocabulary, in nats a token.

    Equal to ``cross_entropy(hidden @ weight.T, labels)`` up to the precision of
    ``hidden``'s type.

    Parameters
    ----------
    hidden : Tensor, shape (tokens, width)
        Last states of the decoder.
    weight : Tensor, shape (vocabulary, width)
        Output layer.
    labels : Tensor of int64, shape (tokens,)
        No padding in it.
    fuse : bool
        Add the gradient of ``weight``, which must be a leaf, to ``weight.grad`` instead of
        handing it to autograd: for training loops that keep gradients (no set_to_none).
    bias : Tensor, shape (vocabulary,), optional
        Added to the logits; a constant.
    """
    loss: torch.Tensor = _VocabularyLoss.apply(hidden, weight, labels, fuse, bias)
    return loss


def sampled_rows(
    labels: torch.Tensor, vocab_size: int, count: int, seed: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Rows of the output layer that a step is to see: all its labels, and others by chance.

    Over a large vocabulary the output layer is half of a small model's step. The sum in the
    softmax runs over the labels of the batch and, weighted up, over a uniform sample of the
    other pieces: its expectation is the whole sum (Bengio and Senecal 2008, Adaptive
    importance sampling to accelerate training of a neural probabilistic language model,
    IEEE Transactions on Neural Networks 19).

    Parameters
    ----------
    labels : Tensor of int64, shape (tokens,)
    vocab_size : int
    count : int
        Size of the sample; labels in it are not counted twice.
    seed : int
        Of the sample.

    Returns
    -------
    rows : Tensor of int64, shape (labels and sample,)
        Sorted within the labels, which come first.
    bias : Tensor, same shape
        Logarithm of how many pieces each stands for; 0 for labels.
    place : Tensor of int64, shape (tokens,)
        Where in ``rows`` each label is.
    """
    own, place = labels.unique(return_inverse=True)
    random = torch.Generator().manual_seed(seed)
    drawn = torch.randperm(vocab_size, generator=random)[:count].to(labels.device)
    others = drawn[~torch.isin(drawn, own)]
    bias = torch.zeros(len(own) + len(others), device=labels.device)
    bias[len(own) :] = torch.tensor((vocab_size - len(own)) / max(1, len(others))).log()
    return torch.cat([own, others]), bias, place


def seq2seq_loss(
    model: nn.Module,
    inputs: torch.Tensor,
    labels: torch.Tensor,
    pad_id: int | None = None,
    body: Any = None,
    fuse: bool = False,
    sample: tuple[int, int] | None = None,
    table: torch.Tensor | None = None,
) -> torch.Tensor:
    """Loss of an mT5 on a batch, in nats a target token.

    Parameters
    ----------
    model : MT5ForConditionalGeneration
        The model; its output layer is ``model.lm_head``.
    inputs : Tensor, shape (batch, input length)
        Token ids.
    labels : Tensor, shape (batch, target length)
        Token ids, -100 where there is nothing to predict.
    pad_id : int, optional
        Id of padding in ``inputs``; None if there is none.
    body : callable, optional
        ``body(inputs, mask, labels)`` gives decoder states; a compiled `states`.
    fuse : bool
        See `vocabulary_loss`.
    sample : (int, int), optional
        Size and seed of a sample of the vocabulary (`sampled_rows`); the whole of it by
        default.
    table : Tensor, shape (vocabulary, width), optional
        The output layer, rounded already; where it is not trained, rounding it at every step is
        a tenth of a small model's time.
    """
    mask = None if pad_id is None else (inputs != pad_id).long()
    hidden = (body or states)(model, inputs, mask, labels)
    keep = (labels != -100).view(-1)
    rows, goal = hidden.reshape(-1, hidden.shape[-1]), labels.reshape(-1)
    if not bool(keep.all()):
        rows, goal = rows[keep], goal[keep]
    own: torch.Tensor = model.lm_head.weight  # type: ignore[union-attr, assignment]
    weight = own if table is None else table
    device = hidden.device.type
    if torch.is_autocast_enabled(device):
        rows = rows.to(torch.get_autocast_dtype(device))
    with torch.autocast(device, enabled=False):
        if sample is None:
            return vocabulary_loss(rows, weight, goal, fuse)
        chosen, bias, place = sampled_rows(goal, len(weight), *sample)
        return vocabulary_loss(rows, weight.index_select(0, chosen), place, bias=bias)


def plain_loss(model: Any, inputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """`seq2seq_loss` of a batch without padding, as torch writes it: to be compiled for a GPU.

    Compiled, the softmax over the vocabulary is fused with what comes before and after it, and
    nothing waits for a number from the GPU.

    Parameters
    ----------
    model : MT5ForConditionalGeneration
        The model.
    inputs, labels : Tensor, shape (batch, length)
        Token ids; every label counts.
    """
    hidden = states(model, inputs, None, labels)
    logits = nn.functional.linear(hidden, model.lm_head.weight)
    return nn.functional.cross_entropy(logits.flatten(0, 1).float(), labels.flatten())


def states(
    model: Any, inputs: torch.Tensor, mask: torch.Tensor | None, labels: torch.Tensor
) -> torch.Tensor:
    """Last decoder states for teacher-forced labels, shape (batch, target length, width)."""
    encoded = model.encoder(input_ids=inputs, attention_mask=mask).last_hidden_state
    shifted = labels.roll(1, dims=1)
    shifted[:, 0] = model.config.decoder_start_token_id
    shifted = shifted.masked_fill(shifted == -100, model.config.pad_token_id)
    decoded: torch.Tensor = model.decoder(
        input_ids=shifted,
        encoder_hidden_states=encoded,
        encoder_attention_mask=mask,
        use_cache=False,
    ).last_hidden_state
    return decoded
