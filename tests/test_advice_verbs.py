"""Advice on the command line: files in, files out, exit code 2 for nonsense."""

import argparse
import json

import numpy as np
import pandas as pd
import pytest
from data_mixtures import mixture_world

from crosslingual.cli import main
from crosslingual.languages import find_language
from crosslingual.verbs import given_mixtures


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A made-up world as SUMEval files, the last ten runs with their scores taken out."""
    folder = tmp_path_factory.mktemp("sumeval")
    world = mixture_world(runs=40)
    entries = []
    for run in range(40):
        rows = np.flatnonzero(world.runs == run)
        sizes = {
            find_language(c).short: int(n)
            for c, n in zip(world.languages, world.amounts[rows[0]], strict=True)
        }
        results = {find_language(world.targets[i]).short: float(world.scores[i]) for i in rows}
        entries.append({"train_config": sizes, "eval_results": results})
    asked = [
        {"train_config": e["train_config"], "eval_results": dict.fromkeys(e["eval_results"], "x")}
        for e in entries[30:]
    ]
    asked[0]["eval_results"]["sw"] = "x"
    (folder / "train.json").write_text(json.dumps(entries[:30]))
    (folder / "asked.json").write_text(json.dumps(asked))
    (folder / "truth.json").write_text(json.dumps(entries[30:]))
    return folder


def test_sumeval_in_and_out(files, tmp_path, capsys) -> None:
    out, intervals = tmp_path / "out.json", tmp_path / "intervals.csv"
    assert main(
        ["predict", "--train", str(files / "train.json"), "--configs", str(files / "asked.json"),
         "--out", str(out), "--intervals", str(intervals)]
    ) == 0  # fmt: skip
    assert "101 predictions" in capsys.readouterr().out
    made, truth = json.loads(out.read_text()), json.loads((files / "truth.json").read_text())
    gaps = [
        abs(m["eval_results"][k] - t["eval_results"][k])
        for m, t in zip(made, truth, strict=True)
        for k in t["eval_results"]
    ]
    assert np.mean(gaps) < 0.02
    assert [m["train_config"] for m in made] == [t["train_config"] for t in truth]
    table = pd.read_csv(intervals)
    assert len(table) == 101
    assert ((table["low"] < table["predicted"]) & (table["predicted"] < table["high"])).all()
    assert table.set_index("target").loc["swa", "kind"] == "unseen"


def test_one_way_of_using_target_examples(tmp_path, capsys) -> None:
    """Examples mixed in and examples after the source say other things: never their mean."""
    path = tmp_path / "scores.csv"
    one = "intents,de,en,{},0,{},mini,{}"
    rows = [one.format(0, 0.3, "source"), one.format(9, 0.5, "sequential")]
    rows += [one.format(9, 0.4, "joint"), "intents,en,en,9,0,0.2,mini,target"]
    path.write_text("task,source,target,shots,seed,score,model,training\n" + "\n".join(rows))
    base = ["demand", "--scores", str(path), "--target", "en", "--source", "de", "--goal", "0.6"]
    assert main(base) == 2
    assert "--training sequential" in capsys.readouterr().err
    assert main([*base, "--training", "both"]) == 2
    assert "There are: joint, sequential, source, target" in capsys.readouterr().err
    for way, score in (("sequential", 0.5), ("joint", 0.4)):
        args = argparse.Namespace(scores=str(path), columns=None, training=way, size=100)
        assert sorted(given_mixtures(args).scores) == sorted([0.3, score, 0.2])


def test_demand_and_buy(files, capsys) -> None:
    scores = ["--scores", str(files / "train.json"), "--target", "de"]
    assert main(["demand", *scores, "--source", "en", "--goal", "0.6", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["reachable"]
    assert told["low"] <= told["labels"]
    assert main(["demand", *scores, "--goal", "0.99"]) == 0
    assert "not reachable" in capsys.readouterr().out
    assert main(["buy", *scores, "--goal", "0.6", "--prices", "de=1,en=0.1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["score"] >= 0.6
    assert main(["buy", *scores, "--goal", "0.6", "--have", "de=1000000"]) == 0
    assert "Nothing has to be bought" in capsys.readouterr().out
    assert main(["buy", *scores, "--have", "en=1000", "--budget", "200"]) == 0
    assert "deu" in capsys.readouterr().out


def test_mixtures_are_validated(files, capsys) -> None:
    assert main(
        ["validate", "--mixtures", "--scores", str(files / "train.json"), "--folds", "3", "--json"]
    ) == 0  # fmt: skip
    rows = {r["kind"]: r for r in json.loads(capsys.readouterr().out)["results"]}
    assert rows["seen"]["mae"] < rows["seen"]["baseline"]


def test_rank_tells_reasons(tmp_path, capsys) -> None:
    names = ["ar", "de", "en", "es", "fi", "it", "ko", "ru"]
    random = np.random.default_rng(0)
    rows = [
        {"task": "t", "source": s, "target": t, "score": random.uniform(0.3, 0.6)}
        for s in names for t in names if s != t
    ]  # fmt: skip
    path = tmp_path / "scores.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    assert main(["rank", "--scores", str(path), "--target", "Swahili", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["sources"]) == len(told["reasons"]) == len(names)
    assert sum(s["p_best"] for s in told["sources"]) == pytest.approx(1)
    assert main(["rank", "--scores", str(path), "--target", "uk"]) == 0
    assert "Sources for Ukrainian" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["demand", "--goal", "1.5", "--target", "de"], "between 0 and 1"),
        (["demand", "--goal", "0.5", "--target", "Germn"], "Germn"),
        (["buy", "--target", "de"], "either --goal"),
        (["validate", "--mixtures", "--hold", "both"], "no use for --hold"),
        (["buy", "--target", "de", "--goal", "0.5", "--prices", "de"], "language=number"),
        (["buy", "--target", "de", "--budget", "5", "--have", "en=none"], "language=number"),
    ],
)
def test_nonsense_ends_with_two(files, capsys, words, message) -> None:
    assert main([words[0], "--scores", str(files / "train.json"), *words[1:]]) == 2
    assert message in capsys.readouterr().err


def test_nothing_half_written(files, tmp_path, capsys) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text('[{"train_config": {"en": -1}, "eval_results": {"en": "x"}}]')
    out = tmp_path / "out.json"
    train = str(files / "train.json")
    assert main(["predict", "--train", train, "--configs", str(bad), "--out", str(out)]) == 2
    assert "-1" in capsys.readouterr().err
    assert not out.exists()


def test_languages_that_are_not_known_are_left_out_and_named(tmp_path, capsys) -> None:
    random = np.random.default_rng(1)
    names = ["ces", "cmn", "bos", "epo", "kur", "nob", "srp", "hrv"]
    rows = [
        {"task": "mt", "source": s, "target": t, "score": random.uniform(5, 40)}
        for s in [*names, "zzz"] for t in names if s != t
    ]  # fmt: skip
    path = tmp_path / "scores.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    assert main(["validate", "--scores", str(path), "--json"]) == 0
    told = capsys.readouterr()
    assert "8 rows left out" in told.err
    assert "zzz" in told.err
    learned = {r["predictor"]: r for r in json.loads(told.out)["results"]}
    assert learned["linear"]["targets"] == len(names)
    assert main(["rank", "--scores", str(path), "--target", "sk"]) == 0
    assert main(["regress", "--scores", str(path)]) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rank", "--target", "sw", "--terms", "foo"], "unknown name 'foo'"),
        (["rank", "--target", "sw", "--seed", "-1"], "no whole number from 0"),
        (["growth", "--split", "0"], "two of them up to 0"),
        (["growth", "--split", "2.5"], "no whole number from 0"),
        (["demand", "--target", "de", "--goal", "nan"], "the goal is nan"),
        (
            ["demand", "--target", "de", "--goal", "0.5", "--interval", "0"],
            "between 0 and 1, not 0",
        ),
        (["demand", "--target", "de", "--goal", "0.5", "--source", "de"], "same language"),
        (["demand", "--target", "de", "--goal", "0.5"], "same number of them"),
        (["buy", "--target", "de", "--goal", "0.5", "--interval", "2"], "between 0 and 1, not 2"),
        (["buy", "--target", "de", "--goal", "0.5", "--prices", "en=1,en=2"], "'en' twice"),
        (["buy", "--target", "de", "--have", "en=9", "--budget", "nan"], "the budget is nan"),
    ],
)
def test_questions_that_cannot_be_asked(arguments, message, tmp_path, capsys) -> None:
    """Each ends in a sentence, and none waits for a model to be fitted that it has no use for."""
    names = ["ar", "de", "en", "es", "fi", "it", "ko", "ru"]
    rows = [
        {"task": "t", "source": s, "target": t, "score": 0.8 if s == t else (i + j) / 40}
        for i, s in enumerate(names)
        for j, t in enumerate(names)
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "scores.csv", index=False)
    command = [arguments[0], "--scores", str(tmp_path / "scores.csv"), *arguments[1:]]
    try:
        code = main(command)
    except SystemExit as end:  # argparse
        code = end.code
    assert code == 2
    assert message in capsys.readouterr().err
