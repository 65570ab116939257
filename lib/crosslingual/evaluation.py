"""Predicting with a fine-tuned model and scoring what it writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from .batching import autocast, bucketed, encode, pad
from .errors import ConfigError, DataError
from .models import Loaded
from .tasks import Example, Task, scored

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

__all__ = ["Evaluation", "evaluate", "generate", "score_labels"]


@dataclass(frozen=True)
class Evaluation:
    """Scores of one model on one set of examples.

    Attributes
    ----------
    scores : dict
        Metric name -> value in [0, 1], the task's own metric first.
    n : int
        Number of examples.
    illegal : float
        Share of outputs that have not the form of an answer, in [0, 1].
    outputs : list of str
        What the model wrote, in the order of the examples.
    """

    scores: dict[str, float]
    n: int
    illegal: float
    outputs: list[str] = field(repr=False)


@contextmanager
def ready(model: Any, precision: str) -> Iterator[None]:
    """Inference in the given precision, the weights rounded once.

    Autocast rounds every weight at every call, up to a sixth of the time of writing answers
    on a CPU. The results are the same to the bit.
    """
    import torch

    with torch.inference_mode(), autocast(precision):
        device = model.device.type
        linear = [m for m in model.modules() if isinstance(m, torch.nn.Linear)]
        full = [m._parameters["weight"] for m in linear]
        if torch.is_autocast_enabled(device):
            kind = torch.get_autocast_dtype(device)
            for module, weight in zip(linear, full, strict=True):
                rounded = weight.detach().to(kind)  # type: ignore[union-attr]
                module._parameters["weight"] = torch.nn.Parameter(rounded, requires_grad=False)
        try:
            yield
        finally:
            for module, weight in zip(linear, full, strict=True):
                module._parameters["weight"] = weight


def generate(
    loaded: Loaded,
    examples: Sequence[Example],
    max_output: int = 16,
    max_input: int = 128,
    batch: int = 128,
    precision: str = "auto",
) -> list[str]:
    """Write an output for every example, greedily.

    Parameters
    ----------
    loaded : Loaded
        A fine-tuned model.
    examples : sequence of Example
        Their inputs are used.
    max_output, max_input : int
        Limits in tokens.
    batch : int
        Examples decoded together; they are sorted by length first.
    precision : str
        As in `TrainSettings`.

    Returns
    -------
    list of str
        In the order of ``examples``.
    """
    if not examples:
        raise DataError("there is nothing to predict: the list of examples is empty.")
    tokenizer, model = loaded.tokenizer, loaded.model.eval()
    pad_id = int(tokenizer.pad_token_id)
    data = encode(loaded, examples, max_input)
    outputs = [""] * len(examples)
    with ready(model, precision):
        for rows in bucketed([len(r) for r in data.inputs], batch):
            inputs = pad([data.inputs[i] for i in rows], pad_id).to(model.device)
            ids = _greedy(model, inputs, (inputs != pad_id).long(), max_output)
            for row, text in zip(
                rows, tokenizer.batch_decode(ids, skip_special_tokens=True), strict=True
            ):
                outputs[row] = text.strip()
    return outputs


def _greedy(
    model: Any, inputs: torch.Tensor, mask: torch.Tensor, max_output: int
) -> list[list[int]]:
    """Greedy decoding that drops sequences as they end.

    Gives what ``model.generate`` gives (a test compares them); a batch of short answers
    and one that never ends costs the short ones' time.
    """
    import torch
    from transformers.cache_utils import DynamicCache, EncoderDecoderCache

    end = int(model.config.eos_token_id)
    states = model.encoder(input_ids=inputs, attention_mask=mask).last_hidden_state
    cache = EncoderDecoderCache(DynamicCache(), DynamicCache())
    alive = torch.arange(len(inputs), device=inputs.device)
    written: list[list[int]] = [[] for _ in range(len(inputs))]
    last = torch.full_like(alive, int(model.config.decoder_start_token_id))
    for _ in range(max_output):
        hidden = model.decoder(
            input_ids=last[:, None],
            encoder_hidden_states=states,
            encoder_attention_mask=mask,
            past_key_values=cache,
            use_cache=True,
        ).last_hidden_state
        last = model.lm_head(hidden[:, -1]).argmax(dim=-1)
        for row, token in zip(alive.tolist(), last.tolist(), strict=True):
            written[row].append(token)
        going = last != end
        if not going.any():
            break
        if not going.all():
            kept = going.nonzero().squeeze(1)
            alive, last, states, mask = alive[kept], last[kept], states[kept], mask[kept]
            cache.batch_select_indices(kept)
    return written


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

    Returns
    -------
    list of str
        One of ``labels`` an example: no output is illegal.
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


def evaluate(
    loaded: Loaded,
    examples: Sequence[Example],
    task: Task,
    decoding: str = "generate",
    max_input: int = 128,
    precision: str = "auto",
) -> Evaluation:
    """Predict and score.

    Parameters
    ----------
    loaded : Loaded
        A fine-tuned model.
    examples : sequence of Example
        What it is tested on.
    task : Task
        Gives metrics, the limit of the output and what counts as legal.
    decoding : str
        ``generate`` (free text) or ``labels`` (the best of the task's labels).

    Returns
    -------
    Evaluation
    """
    if decoding == "labels":
        if not task.labels:
            raise ConfigError(
                f"decoding 'labels' needs a task with labels; {task.name!r} has none. "
                "Use decoding 'generate'."
            )
        outputs = score_labels(loaded, examples, task.labels, max_input, precision=precision)
    elif decoding == "generate":
        outputs = generate(loaded, examples, task.max_output, max_input, precision=precision)
    else:
        raise ConfigError(f"unknown decoding {decoding!r}. Allowed: generate, labels.")
    return judge(outputs, examples, task)


def judge(outputs: Sequence[str], examples: Sequence[Example], task: Task) -> Evaluation:
    """Score outputs that are there already; also for learners that are no mT5."""
    scores = {name: scored(name, outputs, examples) for name in task.metrics}
    illegal = sum(not task.legal(output) for output in outputs) / len(outputs)
    return Evaluation(scores, len(outputs), illegal, list(outputs))
