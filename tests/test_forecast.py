"""Forecasts against counts that others made: torch's, the published sizes, this process."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from crosslingual.cli import main
from crosslingual.devices import autocast, has_bf16
from crosslingual.errors import ConfigError, UnknownNameError
from crosslingual.forecast import (
    SHAPES,
    Shape,
    check_memory,
    memory_needed,
    operations,
    shape_of,
)
from crosslingual.losses import states
from crosslingual.machines import DEVICES, GIB, find_device
from crosslingual.models import Loaded
from crosslingual.pretraining import Architecture, new_model
from crosslingual.running import run_study
from crosslingual.train_settings import TrainSettings, recipe_for
from crosslingual.trainable import trainable_copy


@pytest.mark.parametrize(
    ("name", "millions"),
    [("small", 300), ("base", 580), ("large", 1230), ("xl", 3700), ("xxl", 13000)],
)
def test_sizes_are_the_published_ones(name: str, millions: int) -> None:
    """Oracle: Xue et al. 2021, section 3.2 (300M, 580M, 1.2B, 3.7B, 13B)."""
    assert SHAPES[f"google/mt5-{name}"].parameters / 1e6 == pytest.approx(millions, rel=0.015)


@pytest.mark.parametrize("sizes", [(64, 96, 3, 2, 4, 16), (48, 80, 2, 3, 2, 24)])
def test_weights_and_operations_are_torchs(sizes: tuple) -> None:
    """Oracles: the model's own parameters; torch's counter of operations."""
    d_model, d_ff, encoder, decoder, heads, d_kv = sizes
    model = new_model(Architecture(d_model, d_ff, encoder, decoder, heads, d_kv), 500)
    shape = Shape(d_model, d_ff, encoder, decoder, heads, d_kv, 500, tied=True)
    assert shape.parameters == sum(p.numel() for p in model.parameters())
    model.set_attn_implementation("eager")
    inputs, labels = torch.randint(3, 400, (2, 37)), torch.randint(3, 400, (2, 11))
    with FlopCounterMode(display=False) as counter:
        model(input_ids=inputs, labels=labels)
    assert counter.get_total_flops() == 2 * operations(shape, 37, 11)


def test_shapes_are_read_from_folders(tiny_folder) -> None:
    shape = shape_of(str(tiny_folder))
    assert (shape.d_model, shape.encoder_layers, shape.tied) == (32, 1, True)
    assert shape_of("someone/else") is None
    assert shape_of("google/mt5-base") == SHAPES["google/mt5-base"]


MEASURE = """
import resource, sys, torch
torch.set_num_threads(1)
from crosslingual import Example, TrainSettings, fine_tune
from crosslingual.machines import DEVICES, GIB, find_device
from crosslingual.models import Loaded, load_model
from crosslingual.machines import DEVICES, GIB, find_device
from crosslingual.models import Loaded
from crosslingual.pretraining import Architecture, new_model
tokenizer = load_model("mini").tokenizer
model = new_model(Architecture(512, 1024, 8, 8, 6, 64), len(tokenizer))
text = "file " * 300
examples = [Example(text, text[:120], "eng")] * 8
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
fine_tune(Loaded("m", model, tokenizer), examples[:1], None, TrainSettings(epochs=1, max_input=4))
before = peak()
fine_tune(Loaded("m", model, tokenizer), examples, examples,
          TrainSettings(epochs=1, batch=8, max_input=256))
print(before, peak(), len(tokenizer))
"""


@pytest.mark.slow
def test_memory_is_about_what_a_process_takes() -> None:
    """Oracle: the peak of a process that fine-tunes mT5-small's shape (less its vocabulary)."""
    run = subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-1500:]
    _, peak, vocabulary = map(int, run.stdout.split())
    shape = Shape(512, 1024, 8, 8, 6, 64, vocabulary, tied=True)
    settings = TrainSettings(epochs=1, batch=8, max_input=256)
    needed = sum(memory_needed(shape, settings, 256, 40).values())
    assert needed / 1.6 < peak < needed * 1.6


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_activations_are_what_autograd_keeps(precision: str) -> None:
    """Oracle: the tensors that autograd saves, each counted once, weights and their copies not."""
    settings = TrainSettings(batch=4, precision=precision)
    raw = new_model(Architecture(96, 200, 6, 5, 3, 40), 500)
    model = trainable_copy(Loaded("m", raw, None), settings).train()
    model.set_attn_implementation("sdpa")  # keeps no less than eager attention
    ours = {p.untyped_storage().data_ptr() for p in model.parameters()}
    shapes = {frozenset(p.shape) for p in model.parameters()}
    kept: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in ours and frozenset(tensor.shape) not in shapes:
            kept[storage.data_ptr()] = tensor
        return tensor

    inputs, labels = torch.randint(3, 500, (4, 53)), torch.randint(3, 500, (4, 17))
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), autocast(precision):
        states(model, inputs, torch.ones_like(inputs), labels)
    counted = sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
    shape = Shape(96, 200, 6, 5, 3, 40, 500, tied=True)
    foreseen = memory_needed(shape, settings, 53, 17)["activations"]
    assert foreseen == pytest.approx(counted, rel=0.04)


def test_without_bf16_more_memory_is_foreseen() -> None:
    shape = SHAPES["google/mt5-base"]
    auto, named = TrainSettings(), TrainSettings(precision="bf16")
    half, full = (memory_needed(shape, auto, 512, 64, bf16=x)["activations"] for x in (True, False))
    assert full > 1.15 * half
    assert memory_needed(shape, named, 512, 64, bf16=False)["activations"] == half
    assert [name for name, device in DEVICES.items() if not device.bf16] == ["t4", "v100"]


def test_what_saves_memory_is_foreseen_to() -> None:
    shape = SHAPES["google/mt5-base"]
    plain = TrainSettings(**recipe_for(["google/mt5-base"]))

    def total(**more: object) -> float:
        settings = TrainSettings(**(recipe_for(["google/mt5-base"]) | more))
        return sum(memory_needed(shape, settings, 512, 64).values())

    assert total() == sum(memory_needed(shape, plain, 512, 64).values())
    assert total(checkpointing=True) < total()
    assert total(micro_batch=4) < total()
    assert total(optimiser="adamw") > total()
    assert total(lora_rank=8) < 0.85 * total()


def test_what_cannot_fit_is_refused_with_numbers(tmp_path, monkeypatch) -> None:
    with pytest.raises(ConfigError, match=r"3,743 million weights.*GiB.*there are 79.0"):
        check_memory("google/mt5-xl", TrainSettings(micro_batch=16), DEVICES["h100"].memory, 2)
    check_memory("google/mt5-small", TrainSettings(micro_batch=8), DEVICES["h100"].memory)
    monkeypatch.setattr("crosslingual.machines._free_memory", lambda: 2.0 * GIB)
    config = {"model": "google/mt5-large", "tasks": ["intents"], "sources": ["de", "en", "fi"]}
    for workers, told in ((0, "1 process"), (1, "1 process"), (3, "3 processes")):
        with pytest.raises(ConfigError, match=rf"with {told} needs.*there are 2\.0"):
            run_study(config, tmp_path, workers=workers, progress=False)
    assert not list(tmp_path.glob("*.json"))


def test_devices() -> None:
    here = find_device()
    assert here.flops > 1e9
    assert here.memory > GIB / 4
    with pytest.raises(UnknownNameError, match="h100"):
        find_device("h1000")


@pytest.mark.parametrize(("generation", "has"), [(7, False), (8, True)])
def test_a_gpu_that_imitates_bf16_does_not_have_it(monkeypatch, generation, has) -> None:
    """A T4 (Turing, 7.5) holds bf16 numbers, so that torch says yes unless it is asked twice."""
    monkeypatch.setattr("torch.version.hip", None)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.current_device", lambda: 0)
    monkeypatch.setattr(
        "torch.cuda.get_device_properties", lambda _: SimpleNamespace(major=generation)
    )
    monkeypatch.setattr("torch.cuda._check_bf16_tensor_supported", lambda _: True)
    assert torch.cuda.is_bf16_supported()
    assert has_bf16() is has


@pytest.mark.parametrize(("has", "kind"), [(True, "bfloat16"), (False, "float32")])
def test_a_device_is_measured_in_what_it_will_train_in(monkeypatch, has, kind) -> None:
    """A processor without bf16 imitates it, hundreds of times as slowly as it multiplies fp32."""
    monkeypatch.setattr("crosslingual.machines.has_bf16", lambda: has)
    measured = []
    monkeypatch.setattr(
        "crosslingual.machines.product_speed", lambda *_, kind, **__: measured.append(kind) or 2e9
    )
    assert find_device().flops == 2e9
    assert measured == [kind]


def test_a_study_asks_for_memory_and_measures_no_speed(tiny_folder, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(
        "crosslingual.machines.product_speed", lambda *_, **__: pytest.fail("measured")
    )
    config = {"model": str(tiny_folder), "tasks": ["intents"], "sources": ["de"]}
    done = run_study(config, tmp_path, workers=0, progress=False, work=lambda *_: 0)
    assert (done.measured, done.read) == (0, 0)


def test_plan_prints_hours_and_memory(tmp_path, capsys) -> None:
    config = tmp_path / "c.yaml"
    config.write_text("model: google/mt5-small\ntasks: [intents]\nsources: [de, en]\n")
    main(["study", "plan", "--config", str(config), "--device", "t4"])
    out = capsys.readouterr().out
    assert "hours on t4 (8.1 TFLOP/s at best, 30% of it used): about" in out
    assert "memory of one fine-tuning of google/mt5-small: about" in out
    assert "imitates" not in out
    config.write_text(config.read_text() + "train: {precision: bf16}\n")
    for device in ("t4", "a100-40"):
        main(["study", "plan", "--config", str(config), "--device", device])
        assert ("has no bf16 and imitates it" in capsys.readouterr().out) == (device == "t4")
