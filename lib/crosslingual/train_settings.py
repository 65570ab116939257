"""Recipes of fine-tuning: this book's for small models, mT5's own for its checkpoints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from .errors import ConfigError

__all__ = ["RECIPES", "TrainSettings", "few_shot_settings", "recipe_for", "settings_identity"]


@dataclass(frozen=True)
class TrainSettings:
    """Recipe of a fine-tuning.

    Parameters
    ----------
    epochs : int
        Passes over the training examples.
    few_updates : int
        Where there are only a few target examples to learn from, so many updates at least:
        three passes over five examples would be three updates.
    batch : int
        Examples an update.
    lr : float
        Peak step relative to the scale of each weight matrix (its root mean square), as
        Adafactor's: weights of a pre-trained model are larger than fresh ones, and
        absolute steps that suit the one leave the other behind.
    optimiser : str
        ``adamw`` (steps relative to the scale of the weights) or ``adafactor`` (mT5's).
    warmup : float
        Share of the updates with growing steps.
    dropout : float
        Dropout rate while fine-tuning.
    freeze_embeddings : bool
        Leave the (tied) embeddings as pre-training made them.
    max_input : int
        Inputs are cut to so many tokens.
    precision : str
        ``auto`` (bf16 where the processor has it), ``bf16`` or ``fp32``. fp16 is refused:
        mT5's activations overflow it.
    schedule : str
        After the warm-up: ``linear`` (falls to zero) or ``constant`` (mT5's).
    updates : int
        So many updates in all instead of ``epochs``; 0 counts epochs.
    check_every : int
        Updates between looks at the development loss, of which the best is kept; 0 looks
        after every epoch.
    micro_batch : int
        Examples that go through the model at once; an update adds up the gradients of so many
        at a time. 0: the whole batch. Changes memory, not the result (but for rounding).
    checkpointing : bool
        Compute activations twice instead of keeping them: a fifth more time, a fraction of
        the memory.
    lora_rank : int
        Train low-rank additions to the attention matrices instead of all weights (LoRA, by
        peft); 0: all weights. What is not trained cannot be forgotten: training few weights
        can keep more of the other languages, at some cost in the source's own (Vu et al. 2022
        show it for prompts). Measure both before choosing.
    compile : bool
        Compile the pass through the layers (``torch.compile``): each fine-tuning waits a minute or
        more before its first update, so only for large models and thousands of updates.
    """

    epochs: int = 2
    few_updates: int = 40
    batch: int = 16
    lr: float = 0.05
    optimiser: str = "adamw"
    warmup: float = 0.05
    dropout: float = 0.1
    freeze_embeddings: bool = False
    max_input: int = 128
    precision: str = "auto"
    schedule: str = "linear"
    updates: int = 0
    check_every: int = 0
    micro_batch: int = 0
    checkpointing: bool = False
    lora_rank: int = 0
    compile: bool = False

    def __post_init__(self) -> None:
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                fp16 = " (fp16 is left out: mT5's activations overflow its range.)"
                raise ConfigError(
                    f"{name} {getattr(self, name)!r} cannot be used. Allowed: "
                    f"{', '.join(allowed)}.{fp16 if name == 'precision' else ''}"
                )
        if min(self.epochs, self.batch, self.few_updates) < 1 or not 0 < self.lr < 10:
            raise ConfigError(
                f"epochs ({self.epochs}), few_updates ({self.few_updates}) and batch "
                f"({self.batch}) must be at least 1 and lr ({self.lr}) between 0 and 10."
            )
        for name in ("updates", "check_every", "micro_batch", "lora_rank"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name} must be 0 or more, not {getattr(self, name)}.")
        for name in ("dropout", "warmup"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"{name} must be from 0 to below 1, not {getattr(self, name)}.")
        if self.max_input < 2:
            raise ConfigError(f"max_input must be at least 2, not {self.max_input}.")


_CHOICES = {
    "precision": ("auto", "bf16", "fp32"),
    "optimiser": ("adafactor", "adamw"),
    "schedule": ("constant", "linear"),
}

# "small": what connects languages in a small model lies in its token vectors (chapter "From
# separate texts to a shared space"); a few hundred examples would bend them one language's way.
#
# "mt5": Xue et al. 2021, section 4: Adafactor, constant rate 0.001, dropout 0.1, batches of 2^17
# tokens (128 rows of 1,024), a checkpoint every 200 steps, the best on validation kept. The
# number of steps is not in the paper. An author names 20,000 for NER and question answering
# and 10,000 for the others (google-research/multilingual-t5, issue 64), while the
# repository's own example for XNLI has 20,000: we follow the author's word.
RECIPES: dict[str, dict[str, Any]] = {
    "small": {"freeze_embeddings": True},
    "mt5": {
        "optimiser": "adafactor",
        "lr": 0.001,
        "schedule": "constant",
        "warmup": 0.0,
        "dropout": 0.1,
        "batch": 128,
        "micro_batch": 16,
        "max_input": 1024,
        "updates": 10_000,
        "check_every": 200,
    },
}


def recipe_for(models: Iterable[str], given: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Settings of the recipe that suits the models, with those given in their place.

    Parameters
    ----------
    models : iterable of str
        Names. The shipped models have the recipe ``small``, all others, mT5's own checkpoints
        among them, ``mt5``.
    given : mapping, optional
        Settings that are to differ; ``recipe`` names another of `RECIPES`. Where passes are
        given (``epochs``) and updates are not, passes count.

    Raises
    ------
    ConfigError
        For an unknown recipe, or models of which each has another.
    """
    from .models import SHIPPED

    given = dict(given or {})
    fitting = {"small" if name in SHIPPED else "mt5" for name in models}
    name = given.pop("recipe", None)
    if name is None:
        if len(fitting) > 1:
            raise ConfigError(
                "the models have different recipes: say which, 'train: {recipe: small}' or mt5, or "
                "make two studies."
            )
        name = fitting.pop() if fitting else "small"
    if not isinstance(name, str) or name not in RECIPES:
        raise ConfigError(f"unknown recipe {name!r}. Allowed: {', '.join(RECIPES)}.")
    settings = {**RECIPES[name], **given}
    if "epochs" in given and "updates" not in given:
        settings |= {"updates": 0, "check_every": given.get("check_every", 0)}
    return settings


def few_shot_settings(train: TrainSettings, shots: int) -> TrainSettings:
    """The recipe for so few examples: smaller batches, and passes until the updates suffice.

    Parameters
    ----------
    train : TrainSettings
        Of the source.
    shots : int
        Number of target examples, from 1.

    Examples
    --------
    >>> few = few_shot_settings(TrainSettings(batch=16, epochs=4, few_updates=48), 50)
    >>> few.batch, few.epochs  # 4 updates a pass
    (16, 12)
    """
    batch = min(train.batch, shots)
    updates = -(-shots // batch)
    epochs = max(train.epochs, -(-train.few_updates // updates))
    return replace(train, batch=batch, epochs=epochs, updates=0, check_every=0)


def settings_identity(settings: TrainSettings) -> dict[str, Any]:
    """What of the settings a score depends on; enters the digest of a cell.

    Settings that came to the recipe later count only where they are not at their neutral
    value, so that older scores keep their names.

    Parameters
    ----------
    settings : TrainSettings
        Of a fine-tuning.
    """
    later = [f for f in fields(settings) if f.name in _LATER]
    neutral = {f.name for f in later if getattr(settings, f.name) == f.default}
    return {
        name: value
        for name, value in asdict(settings).items()
        if name not in neutral and name not in ("micro_batch", "checkpointing")
    }


_LATER = ("schedule", "updates", "check_every", "lora_rank", "compile")
