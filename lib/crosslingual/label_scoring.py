"""Choosing between the labels of a task, instead of writing an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .batching import bucketed, encode, pad
from .devices import ready
from .errors import ConfigError
from .models import Loaded
from .tasks import Example

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["score_labels"]


def score_labels(
    loaded: Loaded,
    examples: Sequence[Example],
    labels: Sequence[str],
    max_input: int = 128,
    batch: int = 128,
    precision: str = "auto",
) -> list[str]:
    """Choose the most probable of the allowed labels for every example.

    What constrained decoding would prefer, exactly: at each step of a label the model chooses
    between the tokens with which allowed labels go on, so that a label's probability is the
    product of such choices; steps that leave no choice count as certain. The cost does not
    grow with the vocabulary. The encoder runs once, the decoder once for all labels that
    differ in their first token.

    Parameters
    ----------
    loaded : Loaded
        A fine-tuned model.
    examples : sequence of Example
        Their inputs are used.
    labels : sequence of str
        Two or more, all different.
    max_input : int
        Inputs are cut to so many tokens.
    batch : int
        Examples that go through the model together.
    precision : str
        ``auto``, ``bf16`` or ``fp32``, as in `TrainSettings`.

    Returns
    -------
    list of str
        One of ``labels`` an example: no output is illegal.

    Raises
    ------
    ConfigError
        If there are fewer than two labels.
    """
    import torch

    if len(set(labels)) < 2:
        raise ConfigError(f"label scoring needs at least two labels, not {list(labels)!r}.")
    tokenizer, model = loaded.tokenizer, loaded.model.eval()
    pad_id = int(tokenizer.pad_token_id)
    data = encode(loaded, examples, max_input)
    ids = [tuple(row) for row in tokenizer(list(labels))["input_ids"]]
    choices, allowed, steps = _choices(ids)
    prefixes, served = _prefixes(ids, allowed)
    device = model.device
    start = int(model.config.decoder_start_token_id)
    fill = [pad_id] * steps  # what follows a prefix is read by no step that leaves a choice
    written = torch.tensor([[start, *row, *fill][:steps] for row in prefixes], device=device)
    token = torch.tensor([[choices.index(t) for t in row[:steps]] + [0] * (steps - len(row))
                          for row in ids], device=device)  # fmt: skip
    closed = ~torch.from_numpy(allowed).to(device)
    chosen = [""] * len(examples)
    with ready(model, precision):
        table = model.lm_head.weight[torch.tensor(choices, device=device)]
        for rows in bucketed([len(r) for r in data.inputs], batch):
            inputs = pad([data.inputs[i] for i in rows], pad_id).to(device)
            mask = (inputs != pad_id).long()
            states = model.encoder(input_ids=inputs, attention_mask=mask).last_hidden_state
            logits = []
            for prefix in written:
                hidden = model.decoder(
                    input_ids=prefix.repeat(len(rows), 1),
                    encoder_hidden_states=states,
                    encoder_attention_mask=mask,
                ).last_hidden_state
                logits.append(torch.nn.functional.linear(hidden, table).float())
            scores = []
            for label in range(len(labels)):
                open_ = logits[served[label]].masked_fill(closed[label], -torch.inf)
                logs = open_.log_softmax(-1)
                wanted = token[label].expand(len(rows), -1)[..., None]
                scores.append(logs.gather(-1, wanted).squeeze(-1).sum(-1))
            best = torch.stack(scores).argmax(dim=0).tolist()
            for row, at in zip(rows, best, strict=True):
                chosen[row] = labels[at]
    return chosen


def _choices(ids: Sequence[tuple[int, ...]]) -> tuple[list[int], NDArray[np.bool_], int]:
    """Tokens of labels, which of them each label's every step chooses from, steps that matter.

    Past its end a label has one choice, the first of the tokens, which is certain.
    """
    choices = sorted({token for row in ids for token in row})
    longest = max(map(len, ids))
    allowed = np.zeros((len(ids), longest, len(choices)), dtype=bool)
    for label, row in enumerate(ids):
        for step in range(longest):
            if step < len(row):
                going = {other[step] for other in ids if other[:step] == row[:step]}
                allowed[label, step, [choices.index(token) for token in going]] = True
            else:
                allowed[label, step, 0] = True
    branching = np.flatnonzero((allowed.sum(-1) > 1).any(0))
    steps = int(branching[-1]) + 1
    return choices, allowed[:, :steps], steps


def _prefixes(
    ids: Sequence[tuple[int, ...]], allowed: NDArray[np.bool_]
) -> tuple[list[tuple[int, ...]], list[int]]:
    """What the decoder has to read, and which of these each label's choices are found in.

    A label is read up to its last choice. Labels with the same beginning share a pass of the
    decoder, and labels that differ in their first token all share one.
    """
    needed = []
    for row, steps in zip(ids, allowed.sum(-1) > 1, strict=True):
        last = int(np.flatnonzero(steps)[-1]) if steps.any() else 0
        needed.append(row[:last])
    longest = [
        row
        for row in sorted(set(needed))
        if not any(other != row and other[: len(row)] == row for other in needed)
    ]
    served = [
        next(k for k, prefix in enumerate(longest) if prefix[: len(row)] == row) for row in needed
    ]
    return longest, served
