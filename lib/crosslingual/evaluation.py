"""Predicting with a fine-tuned model and scoring what it writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .batching import bucketed, encode, pad
from .devices import ready
from .errors import ConfigError, DataError
from .label_scoring import score_labels
from .metrics import ratio_error
from .models import Loaded
from .tasks import Example, Task, counted, scored

if TYPE_CHECKING:
    import torch

__all__ = ["Evaluation", "evaluate", "generate", "judge"]


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
    se : float
        Standard error of the task's own metric, see `crosslingual.metrics.ratio_error`.
    outputs : list of str
        What the model wrote, in the order of the examples.
    """

    scores: dict[str, float]
    n: int
    illegal: float
    se: float
    outputs: list[str] = field(repr=False)


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

    Raises
    ------
    DataError
        If there is no example.
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
    max_input : int
        Inputs are cut to so many tokens.
    precision : str
        ``auto``, ``bf16`` or ``fp32``, as in `TrainSettings`.

    Returns
    -------
    Evaluation

    Raises
    ------
    ConfigError
        If the decoding is unknown, or is ``labels`` for a task that has none.
    DataError
        If there is no example.
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
    """Score outputs that are there already; also for learners that are no mT5.

    Parameters
    ----------
    outputs : sequence of str
        What was written.
    examples : sequence of Example
        What it is about, as many.
    task : Task
        Gives metrics and what is legal.
    """
    scores = {name: scored(name, outputs, examples) for name in task.metrics}
    illegal = sum(not task.legal(output) for output in outputs) / len(outputs)
    error = ratio_error(counted(task.metrics[0], outputs, examples))
    return Evaluation(scores, len(outputs), illegal, error, list(outputs))
