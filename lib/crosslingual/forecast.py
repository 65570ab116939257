"""What a fine-tuning will need, from the shape of the model: memory, operations, hours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import ConfigError, ModelError
from .files import read_json
from .machines import GIB
from .models import model_place
from .train_settings import TrainSettings

__all__ = [
    "SHAPES",
    "Shape",
    "check_memory",
    "memory_needed",
    "operations",
    "shape_of",
]

USED = 0.3  # share of a device's peak that fine-tuning reaches, from benchmarks/ and experience


@dataclass(frozen=True)
class Shape:
    """Shape of an mT5 (gated feed-forward, no biases).

    Attributes
    ----------
    d_model, d_ff, encoder_layers, decoder_layers, heads, d_kv, vocabulary : int
        As in the configuration of transformers.
    tied : bool
        Whether the output layer is the embeddings; not in Google's checkpoints.
    """

    d_model: int
    d_ff: int
    encoder_layers: int
    decoder_layers: int
    heads: int
    d_kv: int
    vocabulary: int
    tied: bool = False

    @property
    def parameters(self) -> int:
        """Number of weights."""
        inner = self.heads * self.d_kv
        attention, feed = 4 * self.d_model * inner, 3 * self.d_model * self.d_ff
        encoder = self.encoder_layers * (attention + feed + 2 * self.d_model)
        decoder = self.decoder_layers * (2 * attention + feed + 3 * self.d_model)
        tables = self.vocabulary * self.d_model * (1 if self.tied else 2)
        return encoder + decoder + tables + 2 * self.d_model + 2 * 32 * self.heads


# Configurations of google/mt5-* on the hub.
SHAPES = {
    "google/mt5-small": Shape(512, 1024, 8, 8, 6, 64, 250_112),
    "google/mt5-base": Shape(768, 2048, 12, 12, 12, 64, 250_112),
    "google/mt5-large": Shape(1024, 2816, 24, 24, 16, 64, 250_112),
    "google/mt5-xl": Shape(2048, 5120, 24, 24, 32, 64, 250_112),
    "google/mt5-xxl": Shape(4096, 10240, 24, 24, 64, 64, 250_112),
}


_SHAPE = ("d_model", "d_ff", "num_layers", "num_heads", "d_kv", "vocab_size")


def shape_of(model: str) -> Shape | None:
    """Shape of a model by name, without loading weights; None where only the hub knows it.

    Parameters
    ----------
    model : str
        As in `crosslingual.models.load_model`.

    Raises
    ------
    UnknownModelError, ModelError
        As `crosslingual.models.model_place`; also if its configuration lacks a size.
    """
    place = Path(model_place(model)) / "config.json"
    if not place.exists():
        return SHAPES.get(model)
    c = read_json(place, ModelError)
    lacking = [name for name in _SHAPE if name not in c]
    if lacking:
        raise ModelError(f"{str(place)!r} lacks {', '.join(lacking)}: add what the model has.")
    return Shape(
        c["d_model"], c["d_ff"], c["num_layers"], c.get("num_decoder_layers") or c["num_layers"],
        c["num_heads"], c["d_kv"], c["vocab_size"], bool(c.get("tie_word_embeddings", True)),
    )  # fmt: skip


def operations(shape: Shape, inputs: float, outputs: float) -> float:
    """Multiplications and additions of one example forwards; training takes three times as many.

    Parameters
    ----------
    shape : Shape
    inputs, outputs : float
        Tokens the encoder reads and the decoder writes.
    """
    d, inner = shape.d_model, shape.heads * shape.d_kv
    feed = 3 * d * shape.d_ff
    encoder = inputs * (4 * d * inner + feed) + 2 * inputs**2 * inner
    decoder = outputs * (6 * d * inner + feed) + inputs * 2 * d * inner
    decoder += 2 * outputs**2 * inner + 2 * inputs * outputs * inner
    layers = shape.encoder_layers * encoder + shape.decoder_layers * decoder
    return 2 * (layers + outputs * d * shape.vocabulary)


_KEPT = {  # bytes for each unit of width, of all heads, of d_ff, of attention weights
    "bf16": {"encoder": (30, 14, 10, 12), "decoder": (42, 20, 10, 12), "across": (4, 8)},
    "fp32": {"encoder": (32, 16, 20, 12), "decoder": (48, 24, 20, 12), "across": (0, 8)},
}


def memory_needed(
    shape: Shape, settings: TrainSettings, inputs: float, outputs: float, bf16: bool = True
) -> dict[str, float]:
    """Bytes that one fine-tuning holds at its fullest, by what they are for.

    Parameters
    ----------
    shape : Shape
        Of the model.
    settings : TrainSettings
        Of the fine-tuning.
    inputs : float
        Longest input in tokens.
    outputs : float
        Longest output.
    bf16 : bool
        Whether ``precision: auto`` is bf16 there (`Device.bf16`).

    Returns
    -------
    dict
        ``weights`` (fp32, and the original they were copied from), ``gradients``, ``optimiser``,
        ``best`` (the weights of the best check), ``activations`` of one micro-batch whose rows
        are all of the longest length, and ``working`` (a batch's logits and what libraries keep).

    Notes
    -----
    Activations are counted as Korthikanti et al. 2023 (table 2) do, for T5's layers: what
    autograd keeps of each for a token, with dropout, and with the attention that keeps most. A
    token that the decoder reads from the encoder is kept once more in every layer. What libraries
    keep is an estimate; the rest is exact.
    """
    count = shape.parameters
    trained = float(count)
    if settings.lora_rank:
        sites = shape.encoder_layers + 2 * shape.decoder_layers
        width = shape.d_model + shape.heads * shape.d_kv
        trained = float(2 * sites * settings.lora_rank * width)
    elif settings.freeze_embeddings:
        trained -= shape.vocabulary * shape.d_model
    rows = min(settings.micro_batch or settings.batch, settings.batch)
    tokens = rows * inputs, rows * outputs
    half = bf16 if settings.precision == "auto" else settings.precision == "bf16"
    kept_by = _KEPT["bf16" if half else "fp32"]
    inner = shape.heads * shape.d_kv

    def layer(kind: str, others: float) -> float:
        width, heads, feed, weights = kept_by[kind]
        scores = weights * shape.heads * others
        return width * shape.d_model + heads * inner + feed * shape.d_ff + scores

    read = kept_by["across"][0] * shape.d_model + kept_by["across"][1] * inner
    per_encoder = tokens[0] * layer("encoder", inputs)
    per_decoder = tokens[1] * layer("decoder", inputs + outputs) + tokens[0] * read
    if settings.checkpointing:  # what enters each layer, and one layer in full
        kept = 4 * shape.d_model
        held = shape.encoder_layers * tokens[0] + shape.decoder_layers * tokens[1]
        activations = kept * held + max(per_encoder, per_decoder)
    else:
        activations = shape.encoder_layers * per_encoder + shape.decoder_layers * per_decoder
    return {
        "weights": 8.0 * count,
        "gradients": 4 * trained,
        "optimiser": trained * (8.0 if settings.optimiser == "adamw" else 0.1),
        "best": 4 * trained,
        "activations": activations,
        "working": 0.5 * GIB + 6.0 * min(256.0, tokens[1]) * shape.vocabulary,
    }


def check_memory(
    model: str,
    settings: TrainSettings,
    memory: float,
    processes: int = 1,
    outputs: int = 64,
    bf16: bool = True,
) -> None:
    """Refuse a fine-tuning that cannot fit, with numbers, before it starts.

    Parameters
    ----------
    model : str
        Name.
    settings : TrainSettings
    memory : float
        Bytes that all processes have together.
    processes : int
        How many fine-tunings run beside each other.
    outputs : int
        Longest output in tokens.
    bf16 : bool
        As in `memory_needed`.

    Raises
    ------
    ConfigError
    """
    shape = shape_of(model)
    if shape is None:
        return
    parts = memory_needed(shape, settings, settings.max_input, outputs, bf16)
    if settings.micro_batch == 0 and shape.parameters < 5e7:
        return  # small models: rows are seldom as long as max_input, and cost little anyway
    needed = processes * sum(parts.values())
    if needed > memory:
        named: dict[str, Any] = {k: f"{v / GIB:.1f}" for k, v in parts.items()}
        raise ConfigError(
            f"fine-tuning {model!r} ({shape.parameters / 1e6:,.0f} million weights) with "
            f"{processes} process{'es' * (processes > 1)} needs about {needed / GIB:.1f} GiB "
            f"({', '.join(f'{k} {v}' for k, v in named.items())} each), and there are "
            f"{memory / GIB:.1f}. Lower micro_batch (now {settings.micro_batch or settings.batch}) "
            "or max_input, set checkpointing: true, optimiser: adafactor or lora_rank, or use "
            "fewer workers."
        )
