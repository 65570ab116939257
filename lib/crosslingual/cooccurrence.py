"""Token vectors from co-occurrence with pieces that many languages share.

Texts of different languages share some pieces: numbers, names, formulae, loanwords. Two
tokens that stand in paragraphs with the same shared pieces are likely to mean the same,
whatever their languages. So a vector of a token's association with shared pieces alone puts
translations side by side, from separate texts, without a dictionary or a pair of sentences.
What such counts say is what a language model's embeddings learn first, and slowest where
compute is short; here it takes a minute.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import CorpusError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["association", "shared_pieces", "shared_vectors"]

SMOOTHING = 0.75  # of context frequencies: tames the pull of rare contexts (Levy et al. 2015)
SPECIAL = 3  # ids below it are padding, end and unknown: no words


def _occurrences(ids: NDArray[np.integer], vocab_size: int, eos: int) -> Any:
    """Which token stands in which paragraph: sparse 0/1, shape (paragraphs, vocabulary)."""
    from scipy import sparse

    tokens = np.asarray(ids).astype(np.int64)
    paragraph = np.cumsum(tokens == eos)
    word = tokens >= SPECIAL
    shape = (int(paragraph[-1]) + 1, vocab_size)
    ones = np.ones(int(word.sum()), dtype=np.float32)
    table = sparse.csr_matrix((ones, (paragraph[word], tokens[word])), shape=shape)
    table.sum_duplicates()
    table.data[:] = 1.0
    return table


def association(counts: Any) -> Any:
    """Positive pointwise mutual information of rows and columns, in nats.

    Parameters
    ----------
    counts : scipy sparse matrix, shape (tokens, contexts)
        How often they occur together.

    Returns
    -------
    scipy sparse matrix, same shape
        max(0, log p(t, c) / (p(t) p(c)^0.75 / sum p^0.75)).

    References
    ----------
    Levy, Goldberg and Dagan 2015, Improving distributional similarity with lessons learned
    from word embeddings, TACL 3, section 3.2.
    """
    from scipy import sparse

    table = counts.tocoo()
    rows = np.asarray(table.sum(1)).ravel()
    columns = np.asarray(table.sum(0)).ravel() ** SMOOTHING
    columns = columns / columns.sum()
    value = np.log(table.data / (rows[table.row] * columns[table.col]))
    keep = value > 0
    return sparse.csr_matrix(
        (value[keep].astype(np.float32), (table.row[keep], table.col[keep])), shape=table.shape
    )


def shared_pieces(
    paragraphs: NDArray[np.floating], least_languages: int = 6, least_paragraphs: int = 20
) -> NDArray[np.intp]:
    """Tokens that occur in at least so many paragraphs of at least so many languages.

    Parameters
    ----------
    paragraphs : array, shape (languages, vocabulary)
        Number of a language's paragraphs that hold a token.
    least_languages : int
        How many languages a token has to occur in.
    least_paragraphs : int
        In how many paragraphs of each.
    """
    return np.flatnonzero((paragraphs >= least_paragraphs).sum(0) >= least_languages)


def shared_vectors(
    packed: Mapping[str, NDArray[np.integer]],
    vocab_size: int,
    width: int,
    eos: int = 1,
    own: float = 0.25,
    least_languages: int = 6,
    least_paragraphs: int = 20,
    seed: int = 0,
) -> NDArray[np.float32]:
    """Vectors in which tokens of different languages with like company lie close.

    Parameters
    ----------
    packed : mapping
        Language -> token ids, paragraphs ended by ``eos`` (`crosslingual.corpus.pack`).
    vocab_size, width : int
        Shape of the result.
    eos : int
        Id that ends a paragraph.
    own : float
        In [0, 1): share of a vector's length that is random, by which a model can tell
        tokens of like company (translations above all) apart.
    least_languages, least_paragraphs : int
        See `shared_pieces`.
    seed : int
        Of the decomposition and the random share.

    Returns
    -------
    array, shape (vocab_size, width)
        Root mean square 1, as T5's embeddings have at their start. Tokens that never occur
        with a shared piece are random.

    Raises
    ------
    CorpusError
        If too few pieces are shared for vectors of this width.

    Notes
    -----
    Within each language, association (`association`) of every token with every shared piece;
    a token's rows are averaged over languages by where it occurs; truncated singular value
    decomposition, U sqrt(S); without the directions in which the means of languages differ,
    since what tells languages apart is not what should carry a task across.
    """
    from scipy import sparse
    from sklearn.utils.extmath import randomized_svd

    tables = [_occurrences(ids, vocab_size, eos) for ids in packed.values()]
    paragraphs = np.stack([np.asarray(table.sum(0)).ravel() for table in tables])
    anchors = shared_pieces(paragraphs, least_languages, least_paragraphs)
    if len(anchors) <= width:
        raise CorpusError(
            f"{len(anchors)} pieces are shared by {least_languages} languages; vectors of width "
            f"{width} need more. Give more text, a smaller width, or start from random vectors."
        )
    rate = paragraphs / np.maximum(paragraphs.sum(1, keepdims=True), 1)
    share = rate / np.maximum(rate.sum(0), 1e-12)
    whole = sum(
        sparse.diags(share[i]) @ association((table.T @ table[:, anchors]).tocsr())
        for i, table in enumerate(tables)
    )
    left, values, _ = randomized_svd(whole.tocsr(), width, n_iter=3, random_state=seed)
    vectors = left * np.sqrt(values)
    length = np.linalg.norm(vectors, axis=1)
    known = length > 1e-6
    vectors = np.where(known[:, None], vectors - vectors[known].mean(0), 0.0)
    # Half of the spread of lengths, which tells how sure a vector is, within limits.
    length = np.linalg.norm(vectors, axis=1)
    scale = np.sqrt(np.clip(length / np.median(length[known]), 0.3, 3.0))
    vectors = _without_languages(_unit(vectors) * scale[:, None], np.sqrt(rate))
    random = _unit(np.random.default_rng(seed).normal(size=vectors.shape))
    size = np.sqrt((vectors[known] ** 2).sum(1).mean())
    mixed = np.sqrt(1 - own**2) * vectors / size + own * random
    mixed = np.where(known[:, None], mixed, random)
    return (mixed * np.sqrt(width)).astype(np.float32)


def _without_languages(
    vectors: NDArray[np.floating], weight: NDArray[np.floating]
) -> NDArray[np.floating]:
    """Vectors without the directions in which the languages' means differ."""
    means = weight @ vectors / weight.sum(1, keepdims=True)
    axes, sizes, _ = np.linalg.svd((means - means.mean(0)).T, full_matrices=False)
    axes = axes[:, sizes > 1e-9 * max(1.0, float(sizes[0]))]
    return np.asarray(vectors - vectors @ axes @ axes.T)


def _unit(rows: NDArray[np.floating]) -> NDArray[np.floating]:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(length, 1e-12))
