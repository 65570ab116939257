"""Shared fixtures: a tiny mT5 in the hub's format, made on the spot."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ["HF_HUB_OFFLINE"] = "1"  # there is no hub here, and waiting for it takes minutes

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained mT5 of width 32 with mini's vocabulary, saved as the hub saves models."""
    from transformers import AutoTokenizer

    from crosslingual.models import mini_folder
    from crosslingual.pretraining import Architecture, new_model

    folder = tmp_path_factory.mktemp("models") / "tiny"
    tokenizer = AutoTokenizer.from_pretrained(mini_folder())
    model = new_model(Architecture(32, 48, 1, 1, 2, 16), len(tokenizer))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path):
    """The same, loaded."""
    from crosslingual.models import load_model

    return load_model(str(tiny_folder))
