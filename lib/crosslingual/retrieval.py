"""A look inside the encoder: whether translations have like states, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .batching import bucketed, pad
from .devices import autocast
from .errors import DataError
from .models import Loaded

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["pooled_states", "retrieval_accuracy", "retrieval_table"]


def pooled_states(
    loaded: Loaded, texts: Sequence[str], max_input: int = 128, precision: str = "fp32"
) -> NDArray[np.float32]:
    """Mean states of texts after every layer of the encoder.

    Parameters
    ----------
    loaded : Loaded
        The model.
    texts : sequence of str
    max_input : int
        Longer texts are cut to so many tokens.
    precision : str
        See `crosslingual.train_settings.TrainSettings`.

    Returns
    -------
    array, shape (layers + 1, texts, width)
        First the embeddings; the mean is over a text's tokens, its end included.

    Raises
    ------
    DataError
        If there is no text.
    """
    import torch

    if not texts:
        raise DataError("there is no text to look at.")
    model: Any = loaded.model.eval()
    rows = loaded.tokenizer(list(texts), truncation=True, max_length=max_input)["input_ids"]
    layers = model.config.num_layers + 1
    found = np.zeros((layers, len(rows), model.config.d_model), dtype=np.float32)
    for batch in bucketed([len(row) for row in rows], 32):
        ids = pad([rows[i] for i in batch], model.config.pad_token_id).to(model.device)
        mask = (ids != model.config.pad_token_id).long()
        with torch.inference_mode(), autocast(precision):
            states = model.encoder(
                input_ids=ids, attention_mask=mask, output_hidden_states=True
            ).hidden_states
        weight = (mask / mask.sum(1, keepdim=True))[:, None].float()
        for layer, state in enumerate(states):
            found[layer][batch] = (weight @ state.float()).squeeze(1).cpu().numpy()
    return found


def retrieval_accuracy(
    source: NDArray[np.floating], target: NDArray[np.floating], centred: bool = True
) -> float:
    """Share of rows whose nearest row on the other side, by cosine, is their translation.

    Parameters
    ----------
    source, target : array, shape (texts, width)
        Row i of the one is the translation of row i of the other.
    centred : bool
        Take each side's mean off first: what all texts of a language share is no meaning.

    Returns
    -------
    float
        In [0, 1]; 1 / texts by chance. Ties count as misses.

    Raises
    ------
    DataError
        If there are fewer than two rows, or not as many on both sides.
    """
    if source.shape != target.shape or len(source) < 2:
        raise DataError(
            f"translations must come in pairs, at least two: {len(source)} and {len(target)} rows."
        )
    sides = []
    for side in (source, target):
        rows = side - side.mean(0) if centred else side
        sides.append(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12))
    likeness = sides[0] @ sides[1].T
    own = np.diagonal(likeness)
    better = (likeness >= own[:, None]).sum(1)
    return float((better == 1).mean())


def retrieval_table(states: Mapping[str, NDArray[np.floating]]) -> pd.DataFrame:
    """Retrieval accuracy of every ordered pair of languages, after every layer.

    Parameters
    ----------
    states : mapping
        Language -> states of its sentences from `pooled_states`, shape (layers, texts, width);
        the sentences in the same order in every language.

    Returns
    -------
    DataFrame
        Columns layer (0: embeddings), source, target, accuracy, chance.

    Raises
    ------
    DataError
        If there are fewer than two languages or texts, or the shapes differ.
    """
    import pandas as pd

    shapes = {array.shape for array in states.values()}
    if len(states) < 2 or len(shapes) != 1:
        raise DataError(
            f"states of two languages or more, all of one shape, are needed, not {sorted(shapes)}."
        )
    layers, texts, _ = shapes.pop()
    rows = [
        {
            "layer": layer,
            "source": source,
            "target": target,
            "accuracy": retrieval_accuracy(states[source][layer], states[target][layer]),
            "chance": 1 / texts,
        }
        for layer in range(layers)
        for source in states
        for target in states
        if source != target
    ]
    return pd.DataFrame(rows)
