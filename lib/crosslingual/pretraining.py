"""Pre-training a small mT5 from scratch by span corruption."""

from __future__ import annotations

import json
import pickle
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from .batches import Batches, feed
from .cooccurrence import shared_vectors
from .corpus import pack
from .devices import autocast, wanted_device
from .errors import ConfigError, UnknownNameError
from .files import prepare_folder, read_json, write_atomic, write_json
from .optimisers import pretraining_optimisers
from .recipe import Architecture, PretrainConfig

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["Architecture", "Batches", "PretrainConfig", "loss_curve", "new_model", "pretrain"]

OUTPUT_SCALE = 0.3  # of the matrices that write to the residual stream, against T5's start
STARTS = ("random", "shared")  # of token embeddings
LENGTH = ("steps", "save_every", "warmup", "decay", "sample")  # may change on resuming


def new_model(architecture: Architecture, vocab_size: int, seed: int = 0) -> Any:
    """Make an untrained mT5 with T5's initialisation.

    transformers ties mT5's output layer to its embeddings and leaves out the factor
    1/sqrt(d_model) that T5 puts before it, which gives a first loss over 100. The
    decoder's last gain carries the factor here, so that embeddings can start at their
    usual standard deviation 1. What layers add to them starts smaller than T5 has it, so
    that tokens stand out in the residual stream.

    Parameters
    ----------
    architecture : Architecture
        Its shape.
    vocab_size : int
        Number of pieces.
    seed : int
        Of the weights.
    """
    import torch
    from transformers import MT5Config, MT5ForConditionalGeneration

    torch.manual_seed(seed)
    config = MT5Config(
        vocab_size=vocab_size,
        d_model=architecture.d_model,
        d_kv=architecture.d_kv,
        d_ff=architecture.d_ff,
        num_layers=architecture.encoder_layers,
        num_decoder_layers=architecture.decoder_layers,
        num_heads=architecture.heads,
        dropout_rate=0.0,
        decoder_start_token_id=0,
        pad_token_id=0,
        eos_token_id=1,
    )
    model = MT5ForConditionalGeneration(config)
    with torch.no_grad():
        model.decoder.final_layer_norm.weight.fill_(architecture.d_model**-0.5)
        for name, parameter in model.named_parameters():
            if name.endswith((".o.weight", ".wo.weight")):
                parameter.mul_(OUTPUT_SCALE)
    return model


def _schedule(step: int, config: PretrainConfig) -> float:
    """Warm up, stay, then fall linearly to zero over the last ``decay`` of the steps."""
    up = (step + 1) / max(1.0, config.warmup * config.steps)
    down = (config.steps - step) / max(1.0, config.decay * config.steps)
    return min(1.0, up, down)


def held_out_losses(model: Any, batches: Batches) -> dict[str, float]:
    """Mean loss a target token (nats) on held-out text, by language."""
    import torch

    from .losses import seq2seq_loss

    losses, device = {}, model.device
    model.eval()
    with torch.inference_mode(), autocast("auto", device.type):
        for code in batches.languages:
            inputs, targets = (torch.from_numpy(x).to(device) for x in batches.held_out(code))
            losses[code] = round(float(seq2seq_loss(model, inputs, targets)), 4)
    model.train()
    return losses


def _save_array(path: Path, array: NDArray[np.float32]) -> None:
    with open(path, "wb") as stream:
        np.save(stream, array)


def _fixed(settings: dict[str, Any]) -> dict[str, Any]:
    """What may not change when a run is resumed; its length and schedule may."""
    config = {k: v for k, v in settings["config"].items() if k not in LENGTH}
    return {"architecture": settings["architecture"], "config": config}


def _take_weights(model: Any, start: str | Path, shape: dict[str, int]) -> dict[str, Any]:
    """Give a model the weights of a finished run; what is known of that run."""
    import torch

    earlier: dict[str, Any] = read_json(Path(start) / "provenance.json", ConfigError)
    try:
        state = torch.load(Path(start) / "checkpoint.pt", "cpu", weights_only=True)["model"]
    except (OSError, RuntimeError, KeyError, pickle.UnpicklingError) as error:
        raise ConfigError(
            f"{str(start)!r} holds no checkpoint.pt to start from ({error})."
        ) from None
    there = {**earlier.get("architecture", {}), "vocabulary": len(state["shared.weight"])}
    here = {**shape, "vocabulary": len(model.shared.weight)}
    if there != here:
        other = "; ".join(
            f"{k}: {there.get(k)} there, {v} here" for k, v in here.items() if there.get(k) != v
        )
        raise ConfigError(f"the run in {str(start)!r} is of another shape ({other}).")
    model.load_state_dict(state)
    return earlier


def loss_curve(out: str | Path) -> pd.DataFrame:
    """The log of a pre-training run.

    Parameters
    ----------
    out : str or Path
        Folder of the run.

    Returns
    -------
    DataFrame
        Columns step, tokens, loss (nats a token), tokens_per_second, seconds; a step that
        was run again after an interruption counts once, as it was last.
    """
    import pandas as pd

    table = pd.read_json(Path(out) / "log.jsonl", lines=True)
    return table.drop_duplicates("step", keep="last").sort_values("step", ignore_index=True)


def pretrain(
    corpus: str | Path,
    out: str | Path,
    tokenizer: Any,
    architecture: Architecture | None = None,
    config: PretrainConfig | None = None,
    compile_model: bool = True,
    start: str | Path | None = None,
    device: str | None = None,
    snapshots: Sequence[int] = (),
) -> dict[str, Any]:
    """Pre-train an mT5 by span corruption; resume if ``out`` holds a checkpoint.

    Parameters
    ----------
    corpus : str or Path
        Folder of one text file a language.
    out : str or Path
        Receives ``model/`` (hub format), ``log.jsonl`` (step, loss, tokens a second),
        ``checkpoint.pt``; ``tokens/`` and ``vectors.WIDTH.SEED.npy`` (token vectors from shared
        pieces), made once.
    tokenizer : transformers tokenizer
        Its vocabulary is the model's.
    architecture, config
        Shape and recipe; see there.
    compile_model : bool
        Use ``torch.compile``; worth its half minute from a few hundred steps on.
    start : str or Path, optional
        Folder of an earlier run of the same shape, whose weights are the start of this one
        (a second phase).
    device : str, optional
        ``cpu`` or ``cuda``; the GPU if there is one. On a GPU the softmax runs over all pieces,
        whatever ``config.sample``.
    snapshots : sequence of int
        Updates after which the weights are kept, in ``snapshots/UPDATES.pt``.

    Returns
    -------
    dict
        Provenance: settings, tokens seen, losses by language, seconds, device, versions.

    Raises
    ------
    ConfigError
        If ``out`` holds a run with other settings or of other languages, ``start`` none that is
        finished, of this shape and vocabulary, or a device is wanted that is not there.
    CorpusError
        If the corpus cannot be read, or ``out`` holds tokens of another, or of another vocabulary.
    UnknownNameError
        For an unknown start of the embeddings, optimiser or device.
    """
    import torch

    from .losses import plain_loss, seq2seq_loss, states

    architecture = architecture or Architecture()
    config = config or PretrainConfig()
    device = wanted_device(device)
    if config.embeddings not in STARTS:
        raise UnknownNameError(config.embeddings, STARTS)
    folder = prepare_folder(out)
    batches = Batches(pack(corpus, tokenizer, folder / "tokens"), tokenizer, config)
    corpus_tokens = {code: len(v) for code, v in batches.packed.items()}
    model = new_model(architecture, len(tokenizer), config.seed).to(device)
    optimisers = pretraining_optimisers(model, config.optimiser, config.rate, config.embedding_lr)
    earlier = _take_weights(model, start, asdict(architecture)) if start is not None else None
    first, seconds = 0, 0.0
    checkpoint = folder / "checkpoint.pt"
    settings = {"architecture": asdict(architecture), "config": asdict(config)}
    if checkpoint.exists():
        state = torch.load(checkpoint, device, weights_only=True)
        same = state.get("corpus_tokens", corpus_tokens) == corpus_tokens
        if _fixed(state["settings"]) != _fixed(settings) or not same:
            raise ConfigError(
                f"{str(checkpoint)!r} was made with other settings or of other languages. "
                "Give another --out, or delete it to start anew."
            )
        model.load_state_dict(state["model"])
        for optimiser, saved in zip(optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        first, seconds = state["step"], state["seconds"]
    elif start is None and config.embeddings == "shared":
        file = folder / f"vectors.{architecture.d_model}.{config.seed}.npy"
        if not file.exists():
            width, eos = architecture.d_model, tokenizer.eos_token_id
            vectors = shared_vectors(batches.packed, len(tokenizer), width, eos, seed=config.seed)
            write_atomic(file, lambda path: _save_array(path, vectors))
        vectors = np.load(file)
        with torch.no_grad():
            model.shared.weight.copy_(torch.from_numpy(vectors))
    model.train()
    body: Any = plain_loss if device == "cuda" else states
    if device == "cuda":  # attention that the compiler can fuse with what is around it
        model.set_attn_implementation("eager")
    if compile_model:
        body = torch.compile(body, dynamic=False)
    seen = before = sum(batches.tokens(step) for step in range(first))
    started = time.monotonic()
    bar = tqdm(range(first, config.steps), initial=first, total=config.steps, desc="pretrain")
    window: list[torch.Tensor] = []
    ahead = feed(batches, range(first, config.steps), device)
    for step, (inputs, targets) in zip(bar, ahead, strict=True):
        for optimiser in optimisers:
            for group in optimiser.param_groups:
                group["lr"] = group["peak"] * _schedule(step, config)
        with autocast("auto", device):
            if device == "cuda":
                loss = body(model, inputs, targets)
            else:
                sample = (config.sample, 1_000_003 * config.seed + step) if config.sample else None
                loss = seq2seq_loss(model, inputs, targets, body=body, sample=sample)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        window.append(loss.detach())  # a number only when it is wanted: a GPU runs ahead
        done = step + 1
        seen += batches.tokens(step)
        if done % 25 == 0 or done == config.steps:
            mean = float(torch.stack(window).double().mean())
            spent = seconds + time.monotonic() - started
            speed = (seen - before) / (time.monotonic() - started)
            line = {
                "step": done,
                "tokens": seen,
                "loss": round(mean, 4),
                "tokens_per_second": round(speed),
                "seconds": round(spent, 1),
            }
            with open(folder / "log.jsonl", "a", encoding="utf-8") as log:
                log.write(json.dumps(line) + "\n")
            bar.set_postfix(loss=line["loss"], tok_s=line["tokens_per_second"])
            window = []
        if done % config.save_every == 0 or done == config.steps:
            state = {
                "settings": settings,
                "corpus_tokens": corpus_tokens,
                "model": model.state_dict(),
                "optimisers": [o.state_dict() for o in optimisers],
                "step": done,
                "seconds": seconds + time.monotonic() - started,
            }
            write_atomic(checkpoint, lambda path, state=state: torch.save(state, path))  # type: ignore[misc]
        if done in snapshots:
            kept = {"settings": settings, "model": model.state_dict(), "step": done}
            file = prepare_folder(folder / "snapshots") / f"{done:06}.pt"
            write_atomic(file, lambda path, kept=kept: torch.save(kept, path))  # type: ignore[misc]
    provenance = {
        **settings,
        "parameters": sum(p.numel() for p in model.parameters()),
        "tokens_seen": seen,
        "corpus_tokens": corpus_tokens,
        "held_out_loss": held_out_losses(model, batches),
        "seconds": round(seconds + time.monotonic() - started),
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "torch": torch.__version__,
    }
    if earlier is not None:
        provenance["earlier"] = earlier
    model.to(torch.bfloat16).save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")
    write_json(folder / "provenance.json", provenance)
    return provenance
