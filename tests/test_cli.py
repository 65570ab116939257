"""The console command as a user meets it."""

import subprocess
import sys

import pandas as pd
import pytest
import yaml

from crosslingual.cli import main


def test_import_is_quick_and_without_torch() -> None:
    code = (
        "import sys, time; t = time.perf_counter(); import crosslingual; "
        "print(time.perf_counter() - t); "
        "print([m for m in ('torch', 'transformers', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, modules = done.stdout.splitlines()
    assert float(seconds) < 0.5
    assert modules == "[]"


def test_every_public_name_is_there() -> None:
    import crosslingual

    for name in crosslingual.__all__:
        assert getattr(crosslingual, name) is not None
    with pytest.raises(AttributeError, match="nonsense"):
        crosslingual.nonsense  # noqa: B018


def test_no_traceback_reaches_the_user() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "crosslingual", "features", "--languages", "de,Germn",
         "--out", "/tmp/never.csv"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("crosslingual: UnknownLanguageError: unknown language 'Germn'")
    assert "Traceback" not in done.stderr


def test_languages_and_tasks_are_listed(capsys) -> None:
    assert main(["languages"]) == 0
    assert "Ukrainian" in capsys.readouterr().out
    assert main(["tasks", "--task", "slots", "--languages", "de,fi"]) == 0
    assert "span_f1" in capsys.readouterr().out
    assert main(["tasks", "--task", "slot"]) == 2
    assert "Did you mean slots" in capsys.readouterr().err


def test_the_list_of_tasks_goes_on_past_data_that_are_not_here(capsys, monkeypatch) -> None:
    monkeypatch.delenv("CROSSLINGUAL_DATA", raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")  # nobody listens
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")  # as `quick_without_hub` would set it
    assert main(["tasks", "--languages", "sw,uk"]) == 0
    told = capsys.readouterr()
    parts = {part.split(":")[0]: part for part in told.out.strip().split("\n\n")}
    assert "164" in parts["intents"]  # Ukrainian test commands: counted, without any data
    assert "not counted: " in parts["sib200"]
    assert "not in these languages" in parts["pud"]
    assert len(parts) >= 12
    assert main(["tasks", "--task", "sib200", "--languages", "sw"]) == 2
    assert "DataError" in capsys.readouterr().err


def test_study_export_features_regress(tmp_path, tiny_folder, capsys) -> None:
    """The five-line example of the README, on a tiny model."""
    config = {
        "model": str(tiny_folder),
        "tasks": ["intents"],
        "sources": ["de", "en", "ru", "uk"],
        "train_limit": 16,
        "test_limit": 10,
        "train": {"epochs": 1, "batch": 8},
    }
    study, out = tmp_path / "study.yaml", tmp_path / "records"
    study.write_text(yaml.safe_dump(config), encoding="utf-8")
    assert main(["study", "run", "--config", str(study), "--out", str(out), "--workers", "0"]) == 0
    scores, pairs = tmp_path / "scores.csv", tmp_path / "pairs.csv"
    assert main(["study", "export", "--records", str(out), "--out", str(scores)]) == 0
    table = pd.read_csv(scores)
    assert len(table) == 16
    needed = ["task", "source", "target", "shots", "seed", "model", "metric", "score"]
    assert list(table.columns[:8]) == needed
    assert main(["features", "--languages", "de,en,ru,uk", "--out", str(pairs)]) == 0
    assert len(pd.read_csv(pairs)) == 16
    # An untrained model may score the same everywhere: give the regression something.
    table["score"] = [k / 16 for k in range(16)]
    table.to_csv(scores, index=False)
    command = ["regress", "--scores", str(scores), "--features", str(pairs), "--terms", "syntax"]
    assert main(command) == 0
    assert "least squares" in capsys.readouterr().out
    assert main([*command, "--fixed", "target"]) == 0
    assert "fixed effects target" in capsys.readouterr().out
    assert main([*command, "--fixed", "pair"]) == 2
    assert "Allowed: none, target, source, both" in capsys.readouterr().err
    asked = ["claim", *command[1:-1], "syntax,levenshtein_romanised", "--by-task"]
    assert main(asked) == 0
    assert "lexical" in capsys.readouterr().out
    assert main([*command, "--model", "other"]) == 2


def test_pretrain_needs_a_corpus(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.delenv("CROSSLINGUAL_DATA", raising=False)
    out = tmp_path / "out"
    assert main(["pretrain", "--out", str(out)]) == 2
    assert "CROSSLINGUAL_DATA" in capsys.readouterr().err
    assert main(["pretrain", "--out", str(out), "--corpus", str(tmp_path / "none")]) == 2
    assert "does not exist" in capsys.readouterr().err
    assert main(["pretrain", "--out", str(out), "--corpus", str(tmp_path), "--snapshots", "x"]) == 2
    assert "--snapshots takes numbers of updates" in capsys.readouterr().err
    assert main(["pretrain", "--out", str(out), "--corpus", str(tmp_path), "--snapshots", "²"]) == 2
    assert "--snapshots takes numbers of updates" in capsys.readouterr().err
    assert main(["pretrain", "--out", str(out), "--corpus", str(tmp_path), "--length", "7"]) == 2
    assert "--length at least 8" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.slow
def test_pretrain_from_text_to_a_model_that_loads(tmp_path, capsys) -> None:
    from crosslingual import load_model
    from crosslingual.commands import commands

    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for short, code in (("de", "deu"), ("uk", "ukr")):
        lines = "\n".join(c.text for c in commands(code))
        (corpus / f"{short}.txt").write_text(lines, encoding="utf-8")
    out = tmp_path / "out"
    command = ["pretrain", "--corpus", str(corpus), "--out", str(out), "--steps", "4"]
    command += ["--batch", "2", "--vocab-size", "1000", "--width", "32", "--no-compile"]
    assert main(command) == 0
    assert load_model(str(out / "model")).parameters > 0
    card = (out / "model" / "README.md").read_text("utf-8")
    assert "- uk" in card
    assert "crosslingual" in card
    assert len(pd.read_csv(out / "loss.csv")) == 1
    assert main([*command, "--vocab-size", "1100"]) == 2
    assert "has 1000 pieces, not 1100" in capsys.readouterr().err
    assert main(command) == 0  # over already: nothing to do
    with open(corpus / "de.txt", "a", encoding="utf-8") as file:
        file.write("\nnoch eine Zeile")
    assert main(command) == 2
    assert "holds tokens of other text or another vocabulary (de)" in capsys.readouterr().err
    second = [
        "pretrain",
        "--corpus",
        str(corpus),
        "--out",
        str(tmp_path / "second"),
        "--steps",
        "2",
    ]
    second += ["--batch", "2", "--width", "32", "--no-compile", "--copying", "0.5"]
    assert main([*second, "--start", str(out)]) == 0
    assert load_model(str(tmp_path / "second" / "model")).parameters > 0
    assert main([*second, "--start", str(corpus)]) == 2
    assert "holds no run" in capsys.readouterr().err
