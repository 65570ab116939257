"""What a pre-training is made of: the shape of the model, and the recipe."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Architecture", "PretrainConfig"]


@dataclass(frozen=True)
class Architecture:
    """Shape of an mT5 (T5 1.1: gated GELU, no biases).

    Parameters
    ----------
    d_model : int
        Width of what is between layers.
    d_ff : int
        Width inside the feed-forward layers.
    encoder_layers : int
        Number of layers that read.
    decoder_layers : int
        Number of layers that write.
    heads : int
        Heads of every attention.
    d_kv : int
        Width of a head.
    """

    d_model: int = 256
    d_ff: int = 640
    encoder_layers: int = 4
    decoder_layers: int = 2
    heads: int = 4
    d_kv: int = 64


@dataclass(frozen=True)
class PretrainConfig:
    """Settings of one pre-training run.

    Parameters
    ----------
    steps : int
        Number of updates.
    batch : int
        Examples an update; each is ``corruption.raw_length`` tokens of one language.
    optimiser : str
        For the matrices, see `crosslingual.optimisers.pretraining_optimisers`.
    rate : float
        Peak share of a matrix that an update replaces (``bounded-muon``), or peak
        learning rate (others).
    embedding_lr : float
        Peak step of AdamW for embeddings, biases and gains.
    embeddings : str
        Where token embeddings start: ``random``, or ``shared``, from co-occurrence with
        pieces that languages share (`crosslingual.cooccurrence`).
    alpha : float
        Sampling p(L) ~ size(L)**alpha.
    raw_length : int
        Tokens of running text in an example.
    copying : float
        Share of updates whose target is the whole text instead of the hidden spans (the
        "BERT-style" variant of Raffel et al. 2020, section 3.3.1), on texts of a fifth of
        the length and four times as many. Span corruption never asks for a word that is
        in the input; a small model that has seen nothing else cannot copy one.
    sample : int
        Pieces, besides its labels, that an update's softmax runs over
        (`crosslingual.losses.sampled_rows`); 0: all.
    seed : int
        Initial weights and order of data.
    save_every : int
        Steps between checkpoints.
    warmup, decay : float
        Shares of the steps over which the rates rise at the start, and fall to zero at
        the end.
    """

    steps: int = 2900
    batch: int = 40
    optimiser: str = "bounded-muon"
    rate: float = 0.03
    embedding_lr: float = 0.01
    embeddings: str = "random"
    alpha: float = 0.3
    raw_length: int = 140
    copying: float = 0.0
    sample: int = 0
    seed: int = 0
    save_every: int = 100
    warmup: float = 0.01
    decay: float = 0.69
