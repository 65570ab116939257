import json
import shutil

import pytest
import torch

from crosslingual import load_model
from crosslingual.errors import ModelError, UnknownModelError
from crosslingual.forecast import shape_of
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
    (tmp_path / "config.json").write_text("{half")
    with pytest.raises(ModelError, match="no valid JSON"):
        load_model(str(tmp_path))
    (tmp_path / "config.json").write_text('{"model_type": "mt5", "d_ff": 8}')
    with pytest.raises(ModelError, match="lacks d_model, num_layers"):
        shape_of(str(tmp_path))
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


def test_untied_output_layers_stay_untied_and_learn(tiny_folder, tmp_path) -> None:
    """google/mt5-* have an output layer of their own; transformers' configuration says tied."""
    import json
    import shutil

    import torch
    from safetensors.torch import load_file, save_file

    from crosslingual import Example, TrainSettings, fine_tune
    from crosslingual.models import load_model

    folder = tmp_path / "untied"
    shutil.copytree(tiny_folder, folder)
    weights = load_file(folder / "model.safetensors")
    weights["lm_head.weight"] = torch.randn_like(weights["shared.weight"])
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"tie_word_embeddings": False}))
    loaded = load_model(str(folder))
    assert torch.equal(loaded.model.lm_head.weight, weights["lm_head.weight"])
    assert torch.equal(loaded.model.shared.weight, weights["shared.weight"])
    assert loaded.parameters == sum(w.numel() for w in weights.values())
    examples = [Example("red lamp", "warm", "eng"), Example("blue lamp", "cold", "eng")]
    for optimiser in ("adamw", "adafactor"):
        settings = TrainSettings(epochs=3, batch=2, lr=0.01, optimiser=optimiser, dropout=0.0)
        tuned = fine_tune(loaded, examples, None, settings)
        losses = [h["train_loss"] for h in tuned.history]
        assert losses[-1] < losses[0]
        model = tuned.loaded.model
        assert not torch.equal(model.lm_head.weight, weights["lm_head.weight"])
        assert not torch.equal(model.shared.weight, weights["shared.weight"])
        assert model.lm_head.weight is not model.shared.weight
