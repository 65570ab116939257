"""The model card: where a shipped model comes from, in the hub's format."""

from __future__ import annotations

from typing import Any

from .languages import find_language

__all__ = ["model_card", "phases"]


def phases(provenance: dict[str, Any]) -> list[dict[str, Any]]:
    """A pre-training's provenance and that of the runs it went on from, the first run first."""
    found = [provenance]
    while "earlier" in found[0]:
        found.insert(0, found[0]["earlier"])
    return found


def model_card(provenance: dict[str, Any], command: str, corpus_note: str = "") -> str:
    """Write the README.md of a pre-trained model.

    Parameters
    ----------
    provenance : dict
        As returned by `crosslingual.pretraining.pretrain`.
    command : str
        The command that made it.
    corpus_note : str
        What the corpus is, and its licence.

    Returns
    -------
    str
        Markdown with the hub's YAML header.
    """
    runs = phases(provenance)
    shape, recipe = provenance["architecture"], runs[0]["config"]
    steps = "\n".join(
        f"| {i} | {p['config']['steps']:,} | {p['config']['batch']} | {p['tokens_seen']:,} | "
        f"{p['config'].get('copying', 0.0):.0%} | {p['config']['optimiser']} "
        f"{p['config']['rate']}, AdamW {p['config']['embedding_lr']} | "
        f"{p['seconds'] / 3600:.2f} |"
        for i, p in enumerate(runs, start=1)
    )
    tokens = sum(p["tokens_seen"] for p in runs)
    start = "random"
    if recipe.get("embeddings") == "shared":
        start = "co-occurrence with pieces that languages share (`crosslingual.cooccurrence`)"
    device = provenance.get("device", "cpu")
    machine = "a CPU" if device == "cpu" else f"one {device}"
    softmax = "all pieces"
    if recipe.get("sample") and device == "cpu":
        softmax = f"an update's labels and {recipe['sample']:,} pieces by chance"
    codes = [find_language(code).short for code in provenance["corpus_tokens"]]
    header = "\n".join(f"- {code}" for code in codes)
    losses = "\n".join(
        f"| {find_language(code).name} | {tokens:,} | {provenance['held_out_loss'][code]:.2f} |"
        for code, tokens in provenance["corpus_tokens"].items()
    )
    return f"""---
language:
{header}
library_name: transformers
pipeline_tag: text2text-generation
license: apache-2.0
---
# mini: a laboratory mT5

A small mT5 (gated GELU, no biases, relative positions) with a sentencepiece vocabulary of
its own, pre-trained from scratch by span corruption on unannotated text, each example in
one language. It is made for studying cross-lingual transfer, not for use.

| | |
|---|---|
| parameters | {provenance["parameters"]:,} |
| shape | {shape["encoder_layers"]} encoder and {shape["decoder_layers"]} decoder layers, \
width {shape["d_model"]}, feed-forward {shape["d_ff"]}, {shape["heads"]} heads of {shape["d_kv"]} |
| objective | span corruption, 15 % hidden, mean span 3, {recipe["raw_length"]} tokens an example |
| sampling | p(language) ~ size^{recipe["alpha"]} |
| token vectors start from | {start} |
| softmax in training over | {softmax} |
| tokens seen | {tokens:,} |

| phase | updates | examples an update | tokens | whole text as target | optimiser, peak | hours |
|---|---|---|---|---|---|---|
{steps}

On {machine}, with torch {provenance["torch"]}. The optimiser is for the matrices
(`crosslingual.optimisers`), AdamW for embeddings, biases and gains. In the updates counted under
*whole text as target*, the target is the text itself and not only its hidden spans (the
"BERT-style" variant of Raffel et al. 2020): span corruption alone never asks for a word that is
in the input, and a small model that has seen nothing else cannot copy one.

## Data

{corpus_note or "One text file a language."}

| language | tokens in the corpus | loss on held-out text (nats a token) |
|---|---|---|
{losses}

## Made by

```sh
{command}
```

## Known limits

It has seen little text, most of it technical, and far less than mT5's trillion tokens. What it
connects across languages is accordingly little, and the book says how much. Most of it lies in the
token vectors: leave them as they are in fine-tuning (`freeze_embeddings`). The weights
are stored in bf16. Fine-tune it in bf16 or fp32, never fp16.
"""
