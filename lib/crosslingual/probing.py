"""A look inside an encoder: whether it knows which words it read, and what lies in line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .errors import DataError
from .models import Loaded

if TYPE_CHECKING:
    import pandas as pd
    import torch
    from numpy.typing import NDArray

__all__ = ["effective_rank", "encoder_health", "linear_transfer", "neighbours"]


def effective_rank(states: torch.Tensor) -> float:
    """Exponential of the entropy of the spectrum of centred states.

    Parameters
    ----------
    states : Tensor, shape (tokens, width)
        One row a token.

    Returns
    -------
    float
        Between 1 (all variance in one direction) and the width.

    References
    ----------
    Roy and Vetterli 2007, The effective rank, EUSIPCO.
    """
    import torch

    spectrum = torch.linalg.svdvals((states - states.mean(0)).double()).square()
    share = spectrum / spectrum.sum().clamp_min(1e-30)
    share = share[share > 1e-12]
    return float(torch.exp(-(share * share.log()).sum()))


def encoder_health(loaded: Loaded, texts: Sequence[str]) -> pd.DataFrame:
    """Describe the encoder's states and attention, layer by layer.

    Parameters
    ----------
    loaded : Loaded
        A model.
    texts : sequence of str
        What it reads, a few dozen sentences.

    Returns
    -------
    DataFrame
        One row a layer, 0 the embeddings: ``layer``; ``rms``, root mean square of the
        states (of the residual stream; the last row is after the final norm);
        ``common``, share of their square that is the same for all tokens;
        ``effective_rank``; ``attention_top``, mean weight of the token that is attended to
        most (NaN for layer 0).

    Raises
    ------
    DataError
        If there is no text.
    """
    import pandas as pd
    import torch

    if not texts:
        raise DataError("there is nothing to read: the list of texts is empty.")
    model, tokenizer = loaded.model.eval(), loaded.tokenizer
    before = model.config._attn_implementation
    model.set_attn_implementation("eager")  # the fused kernels keep no attention weights
    batch = tokenizer(list(texts), padding=True, return_tensors="pt").to(model.device)
    mask = batch["attention_mask"].bool()
    with torch.inference_mode():
        out = model.encoder(
            input_ids=batch["input_ids"],
            attention_mask=batch["attention_mask"],
            output_hidden_states=True,
            output_attentions=True,
        )
    model.set_attn_implementation(before)
    rows = []
    for layer, hidden in enumerate(out.hidden_states):
        states = hidden[mask]
        top = float("nan")
        if layer:
            weights = out.attentions[layer - 1].max(dim=-1).values  # batch, heads, queries
            top = float(weights.mean(1)[mask].mean())
        rows.append(
            {
                "layer": layer,
                "rms": float(states.square().mean().sqrt()),
                "common": float(states.mean(0).square().sum() / states.square().sum(1).mean()),
                "effective_rank": effective_rank(states),
                "attention_top": top,
            }
        )
    return pd.DataFrame(rows)


def linear_transfer(
    train: Mapping[str, tuple[NDArray[np.floating], Sequence[str]]],
    test: Mapping[str, tuple[NDArray[np.floating], Sequence[str]]],
    strength: float = 10.0,
) -> pd.DataFrame:
    """What a linear classifier on fixed states carries from language to language.

    A look at states before any fine-tuning: what is not there in a line's reach is hard to
    get across with a few hundred examples.

    Parameters
    ----------
    train, test : mapping
        Language -> states, shape (texts, width), and labels.
    strength : float
        Inverse regularisation of the logistic regression. Rows are brought to unit length.

    Returns
    -------
    DataFrame
        Columns source, target, accuracy; sources are the languages of ``train``, targets those
        of ``test``.

    Raises
    ------
    DataError
        If there is no language, or states and labels differ in number.
    """
    import pandas as pd
    from sklearn.linear_model import LogisticRegression

    for side in (train, test):
        if not side or any(len(x) != len(y) or not len(x) for x, y in side.values()):
            raise DataError("each language needs as many labels as states, and at least one.")
    rows = []
    for source, (states, labels) in train.items():
        learner = LogisticRegression(C=strength, max_iter=500).fit(_unit(states), labels)
        rows += [
            {"source": source, "target": target, "accuracy": learner.score(_unit(x), y)}
            for target, (x, y) in test.items()
        ]
    return pd.DataFrame(rows)


def neighbours(loaded: Loaded, words: Sequence[str], count: int = 8) -> pd.DataFrame:
    """Pieces whose token vectors point most nearly where a word's do.

    Parameters
    ----------
    loaded : Loaded
        A model.
    words : sequence of str
        A word of several pieces stands for the mean of their vectors.
    count : int
        Neighbours of each.

    Returns
    -------
    DataFrame
        Columns word, pieces (how many it has), rank (from 1), neighbour, cosine. Pieces of the
        word itself, single characters and special tokens are left out.

    Raises
    ------
    DataError
        If there is no word, or one is empty.
    """
    import pandas as pd

    tokenizer = loaded.tokenizer
    vectors = loaded.model.get_input_embeddings().weight.detach().float().cpu().numpy()
    vectors = _unit(vectors)
    names = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    shown = [name.strip("\u2581") for name in names]
    special = set(tokenizer.all_special_tokens)
    usable = np.array([
        len(text.encode()) > 2 and text.isalpha() and name not in special
        for name, text in zip(names, shown, strict=True)
    ])  # fmt: skip
    rows = []
    if not words:
        raise DataError("there is no word to look for.")
    for word in words:
        ids = tokenizer(word, add_special_tokens=False)["input_ids"]
        if not ids:
            raise DataError(f"{word!r} holds nothing that the vocabulary can write.")
        likeness = vectors[: len(names)] @ _unit(vectors[ids].mean(0, keepdims=True))[0]
        own = {shown[i].lower() for i in ids} | {word.lower()}
        order = [i for i in np.argsort(-likeness) if usable[i] and shown[i].lower() not in own]
        rows += [
            {
                "word": word,
                "pieces": len(ids),
                "rank": rank,
                "neighbour": shown[i],
                "cosine": float(likeness[i]),
            }
            for rank, i in enumerate(order[:count], start=1)
        ]
    return pd.DataFrame(rows)


def _unit(states: NDArray[np.floating]) -> NDArray[np.floating]:
    return np.asarray(states / np.maximum(np.linalg.norm(states, axis=1, keepdims=True), 1e-12))
