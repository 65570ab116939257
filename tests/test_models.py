import json
import shutil

import pytest
import torch

from crosslingual import load_model
from crosslingual.errors import ModelError, UnknownModelError
from crosslingual.models import mini_folder


def test_mini_loads_and_has_a_card() -> None:
    mini = load_model("mini")
    assert mini.name == "mini"
    assert 5e6 < mini.parameters < 3e7
    card = (mini_folder() / "README.md").read_text("utf-8")
    assert card.startswith("---\nlanguage:")
    assert "LibreOffice" in card
    provenance = json.loads((mini_folder() / "provenance.json").read_text("utf-8"))
    assert provenance["parameters"] == mini.parameters
    assert len(provenance["corpus_tokens"]) == 19
    assert f"{provenance['tokens_seen']:,}" in card


def test_scratch_is_mini_s_shape_with_fresh_weights() -> None:
    mini, scratch, other = (
        load_model("mini"),
        load_model("mini-scratch"),
        load_model("mini-scratch", 1),
    )
    assert scratch.parameters == mini.parameters
    a, b, c = (m.model.encoder.block[0].layer[0].SelfAttention.q.weight for m in
               (mini, scratch, other))  # fmt: skip
    assert not torch.equal(a, b)
    assert not torch.equal(b, c)
    again = load_model("mini-scratch")
    assert torch.equal(again.model.shared.weight, scratch.model.shared.weight)


def test_local_folder_in_the_hub_s_format(tiny_folder) -> None:
    loaded = load_model(str(tiny_folder))
    assert loaded.name == "tiny"
    assert loaded.model.config.model_type == "mt5"


@pytest.mark.parametrize("name", ["no such model", "nothing", "./nowhere", "/no/where", "a/b/c"])
def test_unknown_models_are_refused_at_once(name: str) -> None:
    with pytest.raises(UnknownModelError, match="mini") as caught:
        load_model(name)
    assert name in str(caught.value)


def test_a_hub_id_without_a_hub_is_a_named_error() -> None:
    with pytest.raises(UnknownModelError, match="google/mt5-nowhere"):
        load_model("google/mt5-nowhere")


def test_folders_that_are_no_models(tmp_path, tiny_folder) -> None:
    with pytest.raises(ModelError, match=r"config\.json"):
        load_model(str(tmp_path))
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ModelError, match="bert"):
        load_model(str(tmp_path))
    pickled = tmp_path / "pickled"
    shutil.copytree(tiny_folder, pickled)
    (pickled / "model.safetensors").unlink()
    torch.save({}, pickled / "pytorch_model.bin")
    with pytest.raises(ModelError, match="safetensors"):
        load_model(str(pickled))
    broken = tmp_path / "broken"
    shutil.copytree(tiny_folder, broken)
    (broken / "model.safetensors").write_bytes(b"\x00" * 20)
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_model(str(broken))
