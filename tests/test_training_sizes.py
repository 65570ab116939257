"""What large models need: mT5's recipe, parts of a batch, resuming, several processes, LoRA."""

import copy
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from crosslingual import Example, TrainSettings, fine_tune
from crosslingual.adapters import add_adapters, merge_adapters
from crosslingual.checkpoints import Checkpoint
from crosslingual.errors import ConfigError
from crosslingual.study_config import load_config
from crosslingual.train_settings import RECIPES, recipe_for, settings_identity

WORDS = ["red lamp", "blue lamp", "a red room", "one blue room here", "green", "no green lamp"]
EXAMPLES = [Example(text, "warm" if "red" in text else "not warm", "eng") for text in WORDS]
PLAIN = {"epochs": 3, "batch": 6, "lr": 0.03, "dropout": 0.0, "precision": "fp32"}


def weights(result) -> dict[str, torch.Tensor]:
    return dict(result.loaded.model.named_parameters())


def test_mt5s_recipe_is_the_published_one_and_small_models_have_ours() -> None:
    theirs = TrainSettings(**recipe_for(["google/mt5-base"]))
    # Xue et al. 2021, section 4; steps: google-research/multilingual-t5, issue 64
    assert (theirs.optimiser, theirs.lr, theirs.schedule) == ("adafactor", 1e-3, "constant")
    assert (theirs.dropout, theirs.batch * theirs.max_input) == (0.1, 2**17)
    assert (theirs.updates, theirs.check_every, theirs.warmup) == (10_000, 200, 0.0)
    small = TrainSettings(freeze_embeddings=True)
    assert TrainSettings(**recipe_for(["mini", "mini-scratch"])) == small
    assert recipe_for(["google/mt5-base"], {"epochs": 2})["updates"] == 0
    assert recipe_for(["google/mt5-base"], {"recipe": "small", "lr": 0.1}) == {
        "freeze_embeddings": True, "lr": 0.1,
    }  # fmt: skip
    with pytest.raises(ConfigError, match="different recipes"):
        recipe_for(["mini", "google/mt5-base"])
    with pytest.raises(ConfigError, match="Allowed: small, mt5"):
        load_config({"train": {"recipe": "t5"}})
    assert load_config({"model": "google/mt5-small"}).train.batch == RECIPES["mt5"]["batch"]


def test_what_does_not_change_a_score_is_not_in_its_identity() -> None:
    plain = settings_identity(TrainSettings())
    assert plain == settings_identity(TrainSettings(micro_batch=4, checkpointing=True))
    assert "updates" not in plain  # scores measured before the setting existed keep their names
    assert plain != settings_identity(TrainSettings(updates=5))
    assert plain != settings_identity(TrainSettings(lora_rank=2))
    assert plain != settings_identity(TrainSettings(compile=True))  # other dropout, other rounding


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"schedule": "cosine"}, "Allowed: constant, linear"),
        ({"precision": "fp16"}, "overflow"),
        ({"updates": -1}, "updates must be 0 or more, not -1"),
        ({"dropout": 1.0}, "dropout must be from 0 to below 1"),
        ({"max_input": 1}, "max_input must be at least 2"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TrainSettings(**settings)


@pytest.mark.parametrize(
    "more", [{"micro_batch": 2}, {"micro_batch": 4}, {"checkpointing": True}, {"compile": True}]
)
def test_parts_of_a_batch_recomputing_and_compiling_change_nothing(
    tiny, more: dict, monkeypatch
) -> None:
    """Oracle: the whole batch at once. Targets differ in length, so shares matter.

    Compiling ends with the traced graphs, forward and backward; making C++ of them takes a minute.
    """
    traced = partial(torch.compile, backend="aot_eager")
    monkeypatch.setattr(torch, "compile", traced)
    whole = weights(fine_tune(tiny, EXAMPLES, None, TrainSettings(**PLAIN)))
    parts = weights(fine_tune(tiny, EXAMPLES, None, TrainSettings(**PLAIN, **more)))
    for name, weight in whole.items():
        assert torch.allclose(weight, parts[name], atol=2e-5), name


def test_updates_are_counted_and_checked(tiny) -> None:
    settings = TrainSettings(**PLAIN | {"batch": 4}, updates=5, check_every=2, schedule="constant")
    history = fine_tune(tiny, EXAMPLES, EXAMPLES, settings).history
    assert [h["step"] for h in history] == [2, 4, 5]
    assert [h["epoch"] for h in history] == [1, 2, 3]


NOWHERE = "ftp://127.0.0.1:9/run.pt"


class KilledError(RuntimeError):
    pass


class KilledAfter(Checkpoint):
    """Saves after every update, and dies as kill -9 would after one of them."""

    def __init__(self, path: Path, step: int) -> None:
        super().__init__(path, every=0.0)
        self.step = step

    def save(self, state, weights, optimiser) -> None:
        super().save(state, weights, optimiser)
        if state["step"] == self.step:
            raise KilledError


@pytest.mark.parametrize("optimiser", ["adamw", "adafactor"])
@pytest.mark.parametrize("step", [1, 3, 4, 7])
def test_a_killed_run_goes_on_to_the_same_bits(tiny, tmp_path, optimiser: str, step: int) -> None:
    settings = TrainSettings(
        epochs=3, batch=2, lr=0.03, dropout=0.1, precision="fp32", optimiser=optimiser
    )
    straight = fine_tune(tiny, EXAMPLES, EXAMPLES[:3], settings, 5)
    path = tmp_path / "run.pt"
    with pytest.raises(KilledError):
        fine_tune(tiny, EXAMPLES, EXAMPLES[:3], settings, 5, KilledAfter(path, step))
    assert path.exists()
    resumed = fine_tune(tiny, EXAMPLES, EXAMPLES[:3], settings, 5, Checkpoint(path))
    assert not path.exists()
    kept = weights(resumed)
    for name, weight in weights(straight).items():
        assert torch.equal(weight, kept[name]), name
    for mine, theirs in zip(resumed.history, straight.history, strict=True):
        assert mine["train_loss"] == theirs["train_loss"]
        assert mine["dev_loss"] == theirs["dev_loss"]


def test_what_a_long_run_learned_is_kept_until_it_is_removed(tiny, tmp_path, monkeypatch) -> None:
    """Killed later, at the cells that follow it, it need not be learned again."""
    path = tmp_path / "run.pt"
    settings = TrainSettings(**PLAIN, lora_rank=2)
    first = fine_tune(tiny, EXAMPLES, EXAMPLES[:3], settings, 1, Checkpoint(path, 0.0, keep=True))
    assert path.exists()
    monkeypatch.setattr("crosslingual.tuning._update", lambda *_: pytest.fail("trained again"))
    again = fine_tune(tiny, EXAMPLES, EXAMPLES[:3], settings, 1, Checkpoint(path, keep=True))
    assert again.history == first.history
    assert again.best_epoch == first.best_epoch
    kept = weights(again)
    for name, weight in weights(first).items():
        assert torch.equal(weight, kept[name]), name
    assert path.exists()
    monkeypatch.undo()
    fine_tune(tiny, EXAMPLES, EXAMPLES[:3], settings, 1, Checkpoint(path))
    assert not path.exists()
    fine_tune(tiny, EXAMPLES, None, settings, 1, Checkpoint(path, 300.0, keep=True))
    assert not path.exists()  # a short run leaves nothing


def test_a_save_that_was_killed_leaves_nothing_in_the_end(tmp_path) -> None:
    """A large model's state is gigabytes; half of one must not stay."""
    path = tmp_path / "run.pt"
    killed = f"""
import os
from crosslingual.files import write_atomic
write_atomic({str(path)!r}, lambda half: (half.write_bytes(b"half"), os.kill(os.getpid(), 9)))
"""
    done = subprocess.run([sys.executable, "-c", killed], check=False)
    assert done.returncode == -9
    (left,) = tmp_path.iterdir()
    assert left.read_bytes() == b"half"
    other = tmp_path / ".other.pt-1.tmp"
    other.touch()
    Checkpoint(path).remove()
    assert list(tmp_path.iterdir()) == [other]


def test_a_bucket_that_is_gone_costs_the_state_and_not_the_run(tiny) -> None:
    settings = TrainSettings(**PLAIN | {"batch": 2})
    with pytest.warns(UserWarning, match="no state was saved at 'ftp://127.0.0.1:9/run.pt'"):
        kept = fine_tune(tiny, EXAMPLES, None, settings, 1, Checkpoint(NOWHERE, 1e-9, keep=True))
    alone = fine_tune(tiny, EXAMPLES, None, settings, 1)
    assert torch.equal(kept.loaded.model.shared.weight, alone.loaded.model.shared.weight)


def test_saving_takes_a_small_part_of_the_time(tmp_path, monkeypatch) -> None:
    """A large model's state is gigabytes: to write it every five minutes would take too much."""
    now = [0.0]
    monkeypatch.setattr("crosslingual.checkpoints.time.monotonic", lambda: now[0])

    def slow(path, write) -> None:
        now[0] += 30

    monkeypatch.setattr("crosslingual.checkpoints.write_atomic", slow)
    checkpoint = Checkpoint(tmp_path / "run.pt")
    now[0] = 301
    assert checkpoint.is_due()
    checkpoint.save({}, {}, None)
    now[0] = 331 + 599
    assert not checkpoint.is_due()
    now[0] = 331 + 600
    assert checkpoint.is_due()


def test_another_runs_or_a_broken_checkpoint_is_not_gone_on_from(tiny, tmp_path) -> None:
    path = tmp_path / "run.pt"
    settings = TrainSettings(**PLAIN | {"batch": 2})
    with pytest.raises(KilledError):
        fine_tune(tiny, EXAMPLES, None, settings, 1, KilledAfter(path, 4))
    other = fine_tune(tiny, EXAMPLES, None, settings, 2, Checkpoint(path))
    alone = fine_tune(tiny, EXAMPLES, None, settings, 2)
    assert torch.equal(other.loaded.model.shared.weight, alone.loaded.model.shared.weight)
    path.write_bytes(b"half a file")
    again = fine_tune(tiny, EXAMPLES, None, settings, 2, Checkpoint(path))
    assert torch.equal(again.loaded.model.shared.weight, alone.loaded.model.shared.weight)


def test_adapters_train_little_and_merge_into_the_weights(tiny) -> None:
    result = fine_tune(tiny, EXAMPLES, None, TrainSettings(**PLAIN | {"epochs": 8}, lora_rank=2))
    assert result.history[-1]["train_loss"] < result.history[0]["train_loss"]
    before = dict(tiny.model.named_parameters())
    changed = {n for n, w in weights(result).items() if not torch.equal(w, before[n])}
    assert {n.split(".")[-2] for n in changed} == {"q", "v"}  # and no lora_A is left over
    # Merging is exact: the adapted model and the merged one say the same.
    model = copy.deepcopy(tiny.model).eval()
    add_adapters(model, 2)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B" in name:
                parameter.normal_()
    ids = torch.tensor([[300, 400, 500, 1]])
    with torch.inference_mode():
        adapted = model(input_ids=ids, labels=ids).logits
    merge_adapters(model)
    with torch.inference_mode():
        assert torch.allclose(model(input_ids=ids, labels=ids).logits, adapted, atol=1e-4)


def _two_processes(script: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2",
               "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no",
               "--main_process_port", "0", str(script)]  # fmt: skip
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)


SCRIPT = """
import sys, numpy as np, torch
torch.set_num_threads(1)
sys.path.insert(0, {tests!r})
from test_training_sizes import EXAMPLES, PLAIN
from crosslingual import TrainSettings, fine_tune
from crosslingual.models import load_model
from crosslingual.parallel import world
result = fine_tune(load_model({folder!r}), EXAMPLES, EXAMPLES, TrainSettings(**PLAIN))
if world().rank == 0:
    np.savez({out!r}, loss=[h["train_loss"] for h in result.history],
             **{{n: p.numpy() for n, p in result.loaded.model.named_parameters()}})
"""


def test_two_processes_make_the_gradient_of_one(tiny, tiny_folder, tmp_path) -> None:
    """Oracle: one process; `accelerate launch` as a user calls it, on two CPU processes."""
    alone = fine_tune(tiny, EXAMPLES, EXAMPLES, TrainSettings(**PLAIN))
    script, out = tmp_path / "run.py", tmp_path / "two.npz"
    here = str(Path(__file__).parent)
    script.write_text(SCRIPT.format(tests=here, folder=str(tiny_folder), out=str(out)))
    done = _two_processes(script)
    assert done.returncode == 0, done.stderr[-2000:]
    two = np.load(out)
    assert np.allclose(two["loss"], [h["train_loss"] for h in alone.history], atol=1e-5)
    for name, weight in weights(alone).items():
        assert np.allclose(two[name], weight.numpy(), atol=2e-5), name


STUDY = """
import functools
from crosslingual import checkpoints, measuring, run_study
checkpoints.Checkpoint = functools.partial(checkpoints.Checkpoint, every=0.0)
evaluated, done = measuring._evaluated, []
def dies(*given):
    done.append(given)
    if len(done) > {cells}:
        raise KeyboardInterrupt
    return evaluated(*given)
measuring._evaluated = dies
run_study({config!r}, {out!r}, workers=0, progress=False)
"""


@pytest.mark.slow
def test_two_processes_go_on_with_a_killed_study(tiny_folder, tmp_path) -> None:
    """Neither takes from the other the state of what both have learned, nor the cells to do."""
    config = {
        "model": str(tiny_folder), "tasks": ["intents"], "sources": ["de"],
        "targets": ["de", "en", "ru"], "shots": [0, 2], "trainings": ["sequential"],
        "train_limit": 16, "test_limit": 8,
        "train": {"epochs": 1, "batch": 8, "precision": "fp32", "few_updates": 2},
    }  # fmt: skip
    out, script = tmp_path / "records", tmp_path / "run.py"
    for cells, there, states in ((2, 2, 1), (99, 5, 0)):
        script.write_text(STUDY.format(cells=cells, config=config, out=str(out)))
        done = _two_processes(script)
        assert (done.returncode == 0) == (cells == 99), done.stderr[-2000:]
        assert len(list(out.glob("*.json"))) == there
        assert len(list((out / "unfinished").glob("*.pt"))) == states
