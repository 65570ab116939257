"""A subword vocabulary of one's own: sentencepiece training, transformers loading."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .arguments import generator
from .corpus import corpus_files, language_shares, read_paragraphs
from .errors import CorpusError

__all__ = ["as_transformers", "train_vocabulary"]

SENTINELS = 100  # as in T5 and mT5: <extra_id_0> ... <extra_id_99>


def train_vocabulary(
    corpus: str | Path,
    vocab_size: int = 16_000,
    alpha: float = 0.3,
    sample_bytes: int = 30_000_000,
    seed: int = 0,
) -> bytes:
    """Train a unigram sentencepiece model on a temperature-sampled corpus.

    As in mT5: unigram model, NFKC normalisation, byte fallback, so that no text is
    out of vocabulary; digits are split, so that numbers are spelt one way only.

    Parameters
    ----------
    corpus : str or Path
        Corpus folder, see `crosslingual.corpus`.
    vocab_size : int
        Number of pieces, the sentinels and 256 bytes included.
    alpha : float
        Exponent of the sampling, see `language_shares`.
    sample_bytes : int
        Amount of text to learn from.
    seed : int
        For the sampling of paragraphs.

    Returns
    -------
    bytes
        The serialised sentencepiece model (``spiece.model``).

    Raises
    ------
    CorpusError
        If the text is missing, or too little for so many pieces.
    """
    import sentencepiece

    model = io.BytesIO()
    settings: dict[str, Any] = dict(
        sentence_iterator=_sample(corpus, alpha, sample_bytes, seed),
        model_writer=model,
        vocab_size=vocab_size,
        model_type="unigram",
        character_coverage=0.9998,
        byte_fallback=True,
        split_digits=True,
        max_sentence_length=8000,
        pad_id=0,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        pad_piece="<pad>",
        user_defined_symbols=[f"<extra_id_{i}>" for i in range(SENTINELS)],
        num_threads=2,
        minloglevel=1,
    )
    try:
        sentencepiece.SentencePieceTrainer.train(**settings)
    except RuntimeError as error:
        reason = str(error).split("] ")[-1]
        raise CorpusError(
            f"no vocabulary of {vocab_size} pieces can be learnt from {str(corpus)!r} ({reason}). "
            "Give another --vocab-size or more text."
        ) from None
    return model.getvalue()


def _sample(corpus: str | Path, alpha: float, sample_bytes: int, seed: int) -> Iterator[str]:
    files = corpus_files(corpus)
    texts = {code: list(read_paragraphs(path)) for code, path in files.items()}
    sizes = {code: sum(map(len, lines)) for code, lines in texts.items()}
    shares = language_shares(sizes, alpha)
    random = generator(seed)
    for code, lines in texts.items():
        budget = int(shares[code] * sample_bytes)
        for i in random.permutation(len(lines)):
            yield lines[i]
            budget -= len(lines[i].encode())
            if budget <= 0:
                break


def as_transformers(spiece: bytes) -> Any:
    """Turn a sentencepiece unigram model into a transformers tokenizer.

    The result encodes as sentencepiece does (a test compares them) and saves as
    ``tokenizer.json``, which `AutoTokenizer` loads with no code of ours.

    Parameters
    ----------
    spiece : bytes
        Serialised model, from `train_vocabulary`.

    Returns
    -------
    transformers.PreTrainedTokenizerFast
        Ends every text with ``</s>``; pads with ``<pad>``.
    """
    from sentencepiece import sentencepiece_model_pb2
    from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
    from tokenizers.models import Unigram
    from transformers import PreTrainedTokenizerFast

    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(spiece)
    pieces = [(p.piece, p.score) for p in proto.pieces]
    backend = Tokenizer(Unigram(pieces, unk_id=2, byte_fallback=True))
    charsmap = proto.normalizer_spec.precompiled_charsmap
    backend.normalizer = normalizers.Sequence(
        [
            *([normalizers.Precompiled(charsmap)] if charsmap else []),
            normalizers.Strip(),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    backend.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    backend.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(content=" ", left=1, right=0),
        ]
    )
    backend.post_processor = processors.TemplateProcessing(
        single=["$A", "</s>"],
        pair=["$A", "</s>", "$B", "</s>"],
        special_tokens=[("</s>", 1)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        eos_token="</s>",
        unk_token="<unk>",
        pad_token="<pad>",
        additional_special_tokens=[f"<extra_id_{i}>" for i in range(SENTINELS)],
        clean_up_tokenization_spaces=False,
    )
