import json
import os
import pickle
import shutil

import pytest
import torch

from crosslingual import load_model
from crosslingual.errors import ModelError, UnknownModelError
from crosslingual.forecast import shape_of
from crosslingual.models import mini_folder, model_digest


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


class _Program:
    """A pickle that makes a folder when it is read without care."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_a_folder_as_googles_checkpoints_are(tiny_folder, tmp_path) -> None:
    """google/mt5-*: pickled weights, an output layer of its own, spiece.model, files of 2020."""
    c = json.loads((tiny_folder / "config.json").read_text())
    names = [
        "d_ff",
        "d_kv",
        "d_model",
        "num_decoder_layers",
        "num_heads",
        "num_layers",
        "vocab_size",
    ]
    old = {name: c[name] for name in names} | {
        "architectures": ["MT5ForConditionalGeneration"], "model_type": "mt5",
        "decoder_start_token_id": 0, "eos_token_id": 1, "pad_token_id": 0, "dropout_rate": 0.1,
        "feed_forward_proj": "gated-gelu", "is_encoder_decoder": True, "layer_norm_epsilon": 1e-06,
        "relative_attention_num_buckets": 32, "tie_word_embeddings": False,
        "tokenizer_class": "T5Tokenizer", "transformers_version": "4.10.0.dev0",
    }  # fmt: skip
    special = {"eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
    more = {"extra_ids": 0, "additional_special_tokens": None}
    for file, content in (
        ("config.json", old), ("special_tokens_map.json", special),
        ("tokenizer_config.json", special | more),
    ):  # fmt: skip
        (tmp_path / file).write_text(json.dumps(content))
    shutil.copy(mini_folder() / "spiece.model", tmp_path)
    first = load_model(str(tiny_folder))
    weights = first.model.state_dict() | {"lm_head.weight": torch.randn(c["vocab_size"], 32)}
    torch.save(weights, tmp_path / "pytorch_model.bin")
    digest = model_digest(str(tmp_path))
    loaded = load_model(str(tmp_path))
    assert all(torch.equal(w, weights[name]) for name, w in loaded.model.state_dict().items())
    for text in ("schalte das Licht aus", "включи свет", "打开灯 42"):
        assert loaded.tokenizer(text).input_ids == first.tokenizer(text).input_ids
    weights["shared.weight"][5] += 1.0
    torch.save(weights, tmp_path / "pytorch_model.bin")
    assert model_digest(str(tmp_path)) != digest  # other weights are other cells


def test_weights_that_are_not_all_there(tiny_folder, tmp_path) -> None:
    """transformers would fill them in at random, and say so in a log."""
    from safetensors.torch import load_file, save_file

    shutil.copytree(tiny_folder, tmp_path / "part")
    weights = load_file(tmp_path / "part" / "model.safetensors")
    gone = next(name for name in weights if name.endswith("SelfAttention.q.weight"))
    del weights[gone]
    save_file(weights, tmp_path / "part" / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=f"lack 1 of .* {gone}"):
        load_model(str(tmp_path / "part"))


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
    with pytest.raises(ModelError, match=r"model\.safetensors or pytorch_model\.bin"):
        load_model(str(pickled))
    torch.save({}, pickled / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"lack \d+ of the model's tensors"):
        load_model(str(pickled))
    program = pickle.dumps(_Program(str(tmp_path / "ran")), protocol=2)
    pickle.loads(program)
    (tmp_path / "ran").rmdir()
    (pickled / "pytorch_model.bin").write_bytes(program)
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_model(str(pickled))
    assert not (tmp_path / "ran").exists()  # what a pickle asks for is not done
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
