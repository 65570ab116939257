"""Plans: exact counts, what is not at hand is said, and the paper's study from local folders."""

import json
import os
import socket
from pathlib import Path

import pandas as pd
import pytest
import yaml

from crosslingual.cli import main
from crosslingual.errors import ConfigError
from crosslingual.planning import plan_study
from crosslingual.study_config import load_config

ROOT = Path(__file__).resolve().parent.parent


def test_counts_of_the_laboratory() -> None:
    plan = plan_study(ROOT / "configs" / "laboratory.yaml")
    assert plan.table["cells"].sum() == 3 * 300  # three seeds
    assert plan.table["jobs"].sum() == 3 * 30
    assert plan.missing == []
    intents = plan.table.set_index("task").loc["intents"]
    assert intents["updates"] > 3 * 10 * 4 * 30  # ten sources, four epochs
    assert "900 cells in 90 fine-tunings" in str(plan)


def test_shots_and_trainings_are_counted_by_hand() -> None:
    config = {
        "tasks": ["intents"], "sources": ["de", "en"], "shots": [0, 5, 10],
        "trainings": ["sequential", "joint", "target"], "seeds": [0, 1], "test_limit": 7,
        "train": {"epochs": 1, "batch": 5},
    }  # fmt: skip
    table = plan_study(config).table.set_index(["training", "shots"])
    assert table.loc[("source", 0), "cells"] == 2 * 2 * 2
    assert table.loc[("sequential", 5), "cells"] == 2 * 2
    assert table.loc[("sequential", 5), "jobs"] == 0  # goes on from the source's
    assert table.loc[("joint", 10), "jobs"] == 2 * 2
    # few_updates, 40, whatever their number: 20 passes over two batches, 40 over one
    assert table.loc[("target", 10), "updates"] == 2 * 2 * 40
    assert table.loc[("sequential", 5), "updates"] == 2 * 2 * 40
    assert table.loc[("target", 10), "tested"] == 2 * 2 * 7


def test_each_task_may_have_its_own_languages() -> None:
    config = load_config({"tasks": ["xnli", "tydiqa"],
                          "sources": {"xnli": ["de", "en"], "tydiqa": "sw"}})  # fmt: skip
    assert config.sources_of("tydiqa") == config.targets_of("tydiqa") == ("swa",)
    assert config.sources_of("xnli") == ("deu", "eng")
    with pytest.raises(ConfigError, match="'slots', which is not among tasks"):
        load_config({"tasks": ["xnli"], "sources": {"slots": ["de"]}})
    with pytest.raises(ConfigError, match="'tydiqa' has no sources"):
        load_config({"tasks": ["xnli", "tydiqa"], "sources": {"xnli": ["de"]}})
    with pytest.raises(ConfigError, match="is no folder"):
        load_config({"data_dir": "/nowhere/at/all"})


def _rows(task: str, language: str, n: int) -> list[dict]:
    if task == "xnli":
        return [{"premise": f"{language} {i}", "hypothesis": "h", "label": i % 3} for i in range(n)]
    if task == "wikiann":
        row = {"tokens": [language, "Bonn"], "ner_tags": [0, 5]}
        return [row] * n
    names = {"en": "english", "sw": "swahili", "ru": "russian", "ar": "arabic"}
    return [
        {"id": f"{names[lang]}-{i}", "question": "q", "context": f"{i} {lang} x",
         "answers": {"text": ["x"]}}
        for lang in names
        for i in range(n)
    ]  # fmt: skip


def test_unlike_training_sizes_are_told(tmp_path) -> None:
    for language, rows in (("ar", 16), ("en", 40), ("ru", 24)):
        folder = tmp_path / "wikiann" / language
        folder.mkdir(parents=True)
        for split in ("train", "validation", "test"):
            table = pd.DataFrame(_rows("wikiann", language, rows))
            table.to_parquet(folder / f"{split}-00000-of-00001.parquet")
    config = {"tasks": ["wikiann"], "sources": ["ar", "en", "ru"], "data_dir": str(tmp_path)}
    plan = plan_study(config)
    assert len(plan.uneven) == 1
    assert "from 16 (ara) to 40 (eng)" in plan.uneven[0]
    assert "train_limit: 16 makes them equal." in " ".join(str(plan).split())
    assert plan_study(config | {"train_limit": 24}).uneven == []  # half as many again is alike
    assert plan_study(config | {"train_limit": 25}).uneven != []


@pytest.mark.slow
def test_the_papers_study_from_local_folders(tmp_path, tiny_folder, capsys, monkeypatch) -> None:
    """Data and model as the hub has them, on disk; zero- and few-shot, all three tasks."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("CROSSLINGUAL_DATA", raising=False)
    for task, configs in (
        ("xnli", ["ar", "en", "ru"]), ("wikiann", ["ar", "en", "ru"]),
        ("tydiqa", ["secondary_task"]),
    ):  # fmt: skip
        for config in configs:
            target = tmp_path / "hub" / task / config
            target.mkdir(parents=True)
            for split in ("train", "validation", "test"):
                table = pd.DataFrame(_rows(task, config, 16))
                table.to_parquet(target / f"{split}-00000-of-00001.parquet")
    paper = yaml.safe_load((ROOT / "configs" / "paper_mt5_base.yaml").read_text())
    small = paper | {
        "model": str(tiny_folder),
        "sources": ["ar", "en", "ru"],
        "shots": [0, 4],
        "seeds": [0],
        "test_limit": 6,
        "train": paper["train"] | {"epochs": 1, "batch": 8, "precision": "fp32", "few_updates": 2},
    }
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(small))
    data = ["--data-dir", str(tmp_path / "hub")]
    assert main(["study", "run", "--config", str(path), *data, "--dry-run"]) == 0
    assert "45 cells in 9 fine-tunings" in capsys.readouterr().out
    out = tmp_path / "records"
    words = ["study", "run", "--config", str(path), *data, "--out", str(out), "--workers", "0"]
    assert main(words) == 0
    records = [json.loads(p.read_text()) for p in out.glob("*.json")]
    assert len(records) == 45
    assert {r["metric"] for r in records} == {"accuracy", "span_f1", "squad_f1"}
    assert all(0 <= r["score"] <= 1 for r in records)


def test_the_papers_plan_is_printed_without_a_network(capsys, monkeypatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("CROSSLINGUAL_DATA", raising=False)
    config = str(ROOT / "configs" / "paper_mt5_base.yaml")
    assert main(["study", "run", "--config", config, "--dry-run"]) == 0
    told = capsys.readouterr().out
    # 10 x 10 + 10 x 10 + 9 x 9 zero-shot, five more numbers of shots off the diagonal, 5 seeds
    assert f"{5 * (281 + 5 * (90 + 90 + 72)):,} cells" in told
    assert "145 fine-tunings" in told
    assert "not counted" in told


@pytest.mark.parametrize("answers", [True, False])
def test_a_hub_that_does_not_answer_is_not_waited_for(answers, capsys, monkeypatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HF_HUB_OFFLINE", "")  # so that it is put back afterwards
    monkeypatch.delenv("HF_HUB_OFFLINE")
    with socket.create_server(("127.0.0.1", 0)) as hub:
        port = hub.getsockname()[1]
        if not answers:
            hub.close()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{port}")
        config = str(ROOT / "configs" / "laboratory.yaml")  # embedded tasks: no hub is asked
        assert main(["study", "plan", "--config", config, "--device", "a100-40"]) == 0
    assert ("HF_HUB_OFFLINE" in os.environ) is not answers
