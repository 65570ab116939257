"""Loading mT5 models: the shipped one, a local folder, the hub."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

from .errors import ModelError, UnknownModelError
from .files import read_json

if TYPE_CHECKING:
    from transformers import MT5ForConditionalGeneration, PreTrainedTokenizerBase

__all__ = [
    "SHIPPED",
    "Loaded",
    "check_model_name",
    "load_model",
    "model_digest",
    "model_place",
    "untrained_copy",
]

_ENDS = 1 << 24  # bytes read at each end of a weight file for its fingerprint
SHIPPED = ("mini", "mini-scratch")
_NEXT = "Give 'mini', 'mini-scratch', a local folder in the hub's format, or a hub id."


@dataclass
class Loaded:
    """A model with its tokenizer.

    Attributes
    ----------
    name : str
        As asked for; for a folder its last part. Enters every signature.
    model : MT5ForConditionalGeneration
        Weights in fp32.
    tokenizer : transformers tokenizer
        The vocabulary that the model was trained with.
    """

    name: str
    model: MT5ForConditionalGeneration = field(repr=False)
    tokenizer: PreTrainedTokenizerBase = field(repr=False)

    @property
    def parameters(self) -> int:
        """Number of weights."""
        return sum(p.numel() for p in self.model.parameters())


def mini_folder() -> Path:
    """Where the shipped model lies."""
    return Path(str(files("crosslingual") / "data" / "mini"))


def model_place(name: str) -> str:
    """Folder or hub id of a model name.

    Parameters
    ----------
    name : str
        As in `load_model`.

    Raises
    ------
    UnknownModelError
        If there is no such folder, and the name cannot be a hub id.
    ModelError
        If the folder is no model in the hub's format, or a model of another kind.
    """
    if name in SHIPPED:
        return str(mini_folder())
    path = Path(name)
    if path.is_dir():
        if not (path / "config.json").exists():
            raise ModelError(
                f"the folder {name!r} holds no config.json: it is not a model in the hub's "
                f"format. {_NEXT}"
            )
        _must_be_mt5(name, read_json(path / "config.json", ModelError))
        return str(path)
    if path.is_absolute() or name.startswith(".") or name.count("/") != 1 or " " in name:
        raise UnknownModelError(f"unknown model {name!r}: no such folder. {_NEXT}")
    return name


def check_model_name(name: str) -> None:
    """Refuse a model name that cannot be right, without loading anything.

    Parameters
    ----------
    name : str
        As in `load_model`.

    Raises
    ------
    UnknownModelError, ModelError
        As `load_model`.
    """
    model_place(name)


def model_digest(name: str) -> str:
    """Short fingerprint of a model's files: other weights are other cells of a study.

    Parameters
    ----------
    name : str
        As in `load_model`. Of large weight files the size and both ends are read; a hub id
        stands for itself; for ``mini-scratch`` only shape and vocabulary count.

    Raises
    ------
    UnknownModelError, ModelError
        As `load_model`.
    """
    place = Path(model_place(name))
    if not place.is_dir():
        return name
    patterns = ["config.json", "tokenizer.json"]
    if not (place / "tokenizer.json").exists():
        patterns.append("spiece.model")
    if name != "mini-scratch":
        patterns.append("*.safetensors" if list(place.glob("*.safetensors")) else "*.bin")
    digest = hashlib.sha256()
    for path in sorted(p for pattern in patterns for p in place.glob(pattern)):
        size = path.stat().st_size
        digest.update(f"{path.name}:{size}:".encode())
        with path.open("rb") as stream:
            digest.update(stream.read(_ENDS))
            stream.seek(max(_ENDS, size - _ENDS))
            digest.update(stream.read())
    return digest.hexdigest()[:10]


def load_model(name: str = "mini", seed: int = 0) -> Loaded:
    """Load an mT5 for fine-tuning.

    Parameters
    ----------
    name : str
        ``mini`` (shipped, pre-trained here), ``mini-scratch`` (the same architecture
        and vocabulary, untrained: the control for what pre-training adds), a local
        folder in the hub's format, or a hub id such as ``google/mt5-small``.
    seed : int
        Initial weights of ``mini-scratch``; without effect on the others.

    Returns
    -------
    Loaded

    Raises
    ------
    UnknownModelError
        If there is no such model, or the hub cannot be reached.
    ModelError
        If it is no mT5, or its weights or tokenizer files are missing, broken or not all there.

    Notes
    -----
    Weights are safetensors or, where there are none, as in Google's own mT5 checkpoints,
    ``pytorch_model.bin``, of which tensors are read and nothing else. No code that comes with a
    model is run.
    """
    from safetensors import SafetensorError
    from transformers import AutoConfig, AutoTokenizer, MT5ForConditionalGeneration
    from transformers.utils import logging as transformers_logging

    place = model_place(name)
    # Else a bot is asked to propose safetensors on the page of a model that has none.
    os.environ.setdefault("DISABLE_SAFETENSORS_CONVERSION", "1")
    try:
        config = AutoConfig.from_pretrained(place, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise UnknownModelError(
            f"the model {name!r} could not be found ({_first_line(error)}). {_NEXT}"
        ) from None
    _must_be_mt5(name, config.to_dict())
    bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()  # a study has one bar, its own
    try:
        tokenizer = AutoTokenizer.from_pretrained(place, trust_remote_code=False)
        model, report = MT5ForConditionalGeneration.from_pretrained(
            place,
            weights_only=True,
            trust_remote_code=False,
            dtype="float32",
            output_loading_info=True,
        )
    except (OSError, ValueError, RuntimeError, EOFError, UnpicklingError, SafetensorError) as error:
        raise ModelError(
            f"the model {name!r} is there but cannot be loaded ({_first_line(error)}). "
            "It needs model.safetensors or pytorch_model.bin, and tokenizer files."
        ) from None
    finally:
        if bars:
            transformers_logging.enable_progress_bar()
    lacking = sorted(report["missing_keys"])
    if lacking:
        raise ModelError(
            f"the weights of {name!r} lack {len(lacking)} of the model's tensors, "
            f"{', '.join(lacking[:3])} among them: the file is another model's, or not whole."
        )
    loaded = Loaded(Path(name).name if Path(name).is_dir() else name, model, tokenizer)
    if name == "mini-scratch":
        loaded = untrained_copy(loaded, seed)
        loaded.name = name
    return loaded


def untrained_copy(loaded: Loaded, seed: int = 0) -> Loaded:
    """The same architecture and vocabulary with fresh weights: the from-scratch control.

    Parameters
    ----------
    loaded : Loaded
        Left as it is.
    seed : int
        Of the weights.
    """
    from .pretraining import Architecture, new_model

    c = loaded.model.config
    shape = Architecture(c.d_model, c.d_ff, c.num_layers, c.num_decoder_layers, c.num_heads, c.d_kv)
    model: Any = new_model(shape, c.vocab_size, seed)
    return Loaded(f"{loaded.name}-scratch", model, loaded.tokenizer)


def _must_be_mt5(name: str, config: Any) -> None:
    kind = config.get("model_type") if isinstance(config, dict) else None
    if kind != "mt5":
        raise ModelError(f"{name!r} is a {kind!r} model; this study fine-tunes 'mt5' models.")


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
