"""Studies: what they expand to, what they refuse, and that nothing is lost or doubled."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import fsspec
import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
import yaml
from hypothesis import given
from hypothesis import strategies as st

from crosslingual import (
    compare_models,
    load_config,
    measuring,
    read_records,
    read_scores,
    records_of,
    run_study,
    scores_table,
    summarise,
    tuning,
)
from crosslingual.checkpoints import Checkpoint
from crosslingual.cli import main
from crosslingual.errors import (
    ConfigError,
    DataError,
    OutputError,
    RecordError,
    UnknownLanguageError,
    UnknownModelError,
    UnknownTaskError,
)
from crosslingual.measuring import target_examples
from crosslingual.planning import plan_study
from crosslingual.record_store import open_store
from crosslingual.records import Cell, Record, read_record, settings_hash, signature, write_record
from crosslingual.registry import get_task
from crosslingual.running import StudyError
from crosslingual.study import expand
from crosslingual.study_config import StudyConfig
from crosslingual.summaries import matrix
from crosslingual.train_settings import TrainSettings, few_shot_settings

CONFIGS = sorted((Path(__file__).resolve().parent.parent / "configs").glob("*.yaml"))


def _config(model: object, **changes: object) -> dict[str, object]:
    return {
        "model": str(model),
        "tasks": ["intents"],
        "sources": ["de", "ru"],
        "train_limit": 24,
        "test_limit": 12,
        "train": {"epochs": 1, "batch": 8, "precision": "fp32"},
        **changes,
    }


def test_the_books_study_has_300_cells_in_30_jobs() -> None:
    jobs = expand(load_config({}))
    assert len(jobs) == 30
    assert sum(len(job.cells) for job in jobs) == 300
    assert len({cell.file_name for job in jobs for cell in job.cells}) == 300


def test_shots_are_jobs_of_their_own_and_not_in_language() -> None:
    jobs = expand(load_config({"tasks": ["slots"], "sources": ["de", "en", "fi"], "shots": [0, 5]}))
    assert len(jobs) == 3 + 3 * 2
    few = [job for job in jobs if job.cells[0].shots]
    assert all(len(job.cells) == 1 and job.cells[0].source != job.cells[0].target for job in few)


@pytest.mark.parametrize("file", CONFIGS, ids=lambda p: p.stem)
def test_a_configuration_prints_as_what_can_be_read(file) -> None:
    config = load_config(file)
    assert load_config(yaml.safe_load(str(config))) == config
    assert "data_dir" not in str(config)  # what is not given is not printed


def test_another_setting_is_another_cell() -> None:
    def names(**changes: object) -> set[str]:
        return {c.file_name for job in expand(load_config(changes)) for c in job.cells}

    assert not names() & names(train={"lr": 0.123})
    assert not names() & names(test_limit=5)
    assert names() == names(train={})
    # Decoding by labels changes the one task that has labels.
    assert len(names() & names(decoding="labels")) == 200


@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5)))
def test_hash_does_not_depend_on_order(settings: dict) -> None:
    assert settings_hash(settings) == settings_hash(dict(reversed(settings.items())))


def test_signature_is_as_documented() -> None:
    line = signature("intents", "de", "tr", 0, "mini", 1, version="0.1")
    assert line == "task:intents|src:de|tgt:tr|shots:0|model:mini|seed:1|v:0.1"


def test_few_shot_examples_are_the_targets_drawn_by_seed_and_nested() -> None:
    task = get_task("intents")
    cells = [Cell("intents", "deu", "fin", 5, "joint", seed, "m", "x") for seed in (0, 0, 1)]
    drawn = [target_examples(task, cell) for cell in cells]
    assert [len(d) for d in drawn] == [5] * 3
    assert {e.language for e in drawn[0]} == {"fin"}
    assert drawn[0] == drawn[1] != drawn[2]
    more = target_examples(task, replace(cells[0], shots=9))
    assert more[:5] == drawn[0]
    with pytest.raises(ConfigError, match="100000 shots"):
        target_examples(task, replace(cells[0], shots=100_000))


def test_few_shots_get_updates_enough() -> None:
    train = TrainSettings(epochs=3, few_updates=40, batch=16)
    few, many = few_shot_settings(train, 5), few_shot_settings(train, 250)
    assert (few.batch, few.epochs) == (5, 40)
    assert (many.batch, many.epochs) == (16, 3)


def test_the_grid_of_few_shot_cells() -> None:
    config = load_config(
        {
            "tasks": ["intents"],
            "sources": ["de", "fi", "ru"],
            "shots": [0, 5, 10],
            "trainings": ["joint", "sequential", "target"],
            "seeds": [0, 1],
        }
    )
    jobs = expand(config)
    cells = [cell for job in jobs for cell in job.cells]
    assert len({c.file_name for c in cells}) == len(cells)
    count = Counter((c.training, c.shots) for c in cells)
    # two seeds: 3 x 3 zero-shot, 3 x 2 pairs for each number of shots, 3 targets alone
    assert count == {
        ("source", 0): 18,
        ("joint", 5): 12,
        ("joint", 10): 12,
        ("sequential", 5): 12,
        ("sequential", 10): 12,
        ("target", 5): 6,
        ("target", 10): 6,
    }
    # one fine-tuning serves a source's zero-shot and sequential cells
    assert len(jobs) == 2 * 3 + 24 + 12
    assert all(c.source == c.target for c in cells if c.training == "target")


def test_few_shot_cells_are_measured(tiny_folder, tmp_path, monkeypatch) -> None:
    """And the plan foretold how many updates they take."""
    config = {
        "model": str(tiny_folder),
        "tasks": ["intents"],
        "sources": ["de"],
        "targets": ["fi"],
        "shots": [0, 3, 9],
        "trainings": ["joint", "sequential", "target"],
        "train_limit": 16,
        "test_limit": 8,
        "train": {"epochs": 1, "few_updates": 3, "batch": 8},
    }
    made, update = [], tuning._update
    monkeypatch.setattr(tuning, "_update", lambda *given: made.append(1) or update(*given))
    result = run_study(config, tmp_path, workers=0, progress=False)
    assert len(made) == plan_study(config).table["updates"].sum()
    assert sorted(set(result.scores["training"])) == ["joint", "sequential", "source", "target"]
    assert result.scores["score"].between(0, 1).all()
    assert "train:sequential" in set(result.scores["signature"].str.split("|").str[4])
    again = run_study(config, tmp_path, workers=0, progress=False)
    assert again.measured == 0
    assert again.scores.equals(result.scores)
    made.clear()
    for lost in ("sequential9", "joint3"):
        next(tmp_path.glob(f"*.{lost}.*")).unlink()
    plan = plan_study(config, out=tmp_path)
    assert (plan.measured, plan.table["cells"].sum(), plan.table["jobs"].sum()) == (5, 2, 2)
    assert "2 cells in 2 fine-tunings; 5 more are measured already" in str(plan)
    assert run_study(config, tmp_path, workers=0, progress=False).measured == 2
    assert len(made) == plan.table["updates"].sum()
    assert str(plan_study(config, out=tmp_path)).endswith("all 7 cells are measured")


def test_more_target_examples_than_there_are(tiny_folder, tmp_path) -> None:
    """The plan says so; what can be measured is, and the error names what cannot."""
    config = _config(
        tiny_folder, sources=["de"], targets=["ru"], shots=[0, 2, 9999], trainings=["sequential"]
    )
    have = len(get_task("intents").examples("ru", "train"))
    assert f"rus ({have})" in str(plan_study(config))
    with pytest.raises(StudyError, match=f"but intents has {have} training"):
        run_study(config, tmp_path, workers=0, progress=False)
    assert sorted(record.shots for record in read_records(tmp_path)) == [0, 2]
    fine = plan_study(config | {"shots": [0, 2]})
    assert fine.short == []


def test_what_is_listed_twice_is_measured_once(tiny_folder) -> None:
    once = {"model": str(tiny_folder), "sources": ["de", "ru"], "shots": [0, 5], "seeds": [0]}
    once |= {"tasks": ["intents"], "trainings": ["joint"]}
    twice = {
        name: 2 * (value if isinstance(value, list) else [value]) for name, value in once.items()
    }
    assert expand(load_config(twice)) == expand(load_config(once))


@pytest.mark.parametrize(
    ("values", "error", "part"),
    [
        ({"model": 3}, ConfigError, "must be a name, not 3"),
        ({"model": None}, ConfigError, "must be a name, not None"),
        ({"tasks": [["intents"]]}, ConfigError, "a task must be a name, not"),
        ({"tasks": True}, ConfigError, "must be a name, not True"),
        ({"train": {"recipe": ["mt5"]}}, ConfigError, "unknown recipe"),
        ({"trainings": []}, ConfigError, "trainings must not be empty"),
        ({"seeds": [2**70]}, ConfigError, "seeds must be whole numbers"),
        ({"train_limit": True}, ConfigError, "whole number from 1, not True"),
        ({"modle": "mini"}, ConfigError, "Did you mean 'model'"),
        ({"train": {"epoch": 3}}, ConfigError, "Did you mean 'epochs'"),
        ({"train": 3}, ConfigError, "must be a mapping"),
        ({"train": {"epochs": "three"}}, ConfigError, "must be of type int"),
        ({"train": {"precision": "fp16"}}, ConfigError, "fp16"),
        ({"sources": ["de", "Klingon"]}, UnknownLanguageError, "Klingon"),
        ({"sources": ["de", "nld"]}, UnknownLanguageError, "task 'intents'"),
        ({"tasks": ["intent"]}, UnknownTaskError, "Did you mean intents"),
        ({"model": "minni"}, UnknownModelError, "minni"),
        ({"seeds": [-1]}, ConfigError, "-1"),
        ({"shots": ["five"]}, ConfigError, "five"),
        ({"sources": []}, ConfigError, "at least one"),
        ({"decoding": "beam"}, ConfigError, "beam"),
        ({"test_limit": 0}, ConfigError, "test_limit"),
        ({"trainings": ["source"]}, ConfigError, "unknown training 'source'"),
    ],
)
def test_bad_configurations_are_refused_and_nothing_is_written(
    values, error, part, tmp_path, capsys
) -> None:
    file, out = tmp_path / "study.yaml", tmp_path / "out"
    file.write_text(yaml.safe_dump(values), encoding="utf-8")
    with pytest.raises(error, match=part):
        load_config(file)
    assert main(["study", "run", "--config", str(file), "--out", str(out)]) == 2
    assert part.split("'")[0] in capsys.readouterr().err
    assert not out.exists()


def test_unreadable_configurations(tmp_path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("a: [1,", encoding="utf-8")
    with pytest.raises(ConfigError, match="no valid YAML"):
        load_config(tmp_path / "bad.yaml")


def test_output_that_cannot_be_written(tmp_path, tiny_folder) -> None:
    taken = tmp_path / "file"
    taken.write_text("I am a file")
    with pytest.raises(OutputError, match="Choose another"):
        run_study(_config(tiny_folder), taken, workers=0)


@pytest.mark.skipif(sys.platform == "win32" or not Path("/proc").exists(), reason="needs /proc")
def test_read_only_output_exits_with_2(tmp_path, tiny_folder, capsys) -> None:
    # Root may write anywhere but where the kernel itself refuses.
    file = tmp_path / "study.yaml"
    file.write_text(yaml.safe_dump(_config(tiny_folder)), encoding="utf-8")
    assert main(["study", "run", "--config", str(file), "--out", "/proc/study"]) == 2
    assert "/proc/study" in capsys.readouterr().err


@pytest.fixture(scope="module")
def finished(tmp_path_factory, tiny_folder):
    out = tmp_path_factory.mktemp("study")
    return out, run_study(_config(tiny_folder), out, workers=0, progress=False)


def test_a_study_ends_in_records_and_a_table(finished) -> None:
    out, result = finished
    assert (result.measured, result.read) == (4, 0)
    assert len(list(out.glob("*.json"))) == 4
    assert list(out.glob(".*")) == []
    scores = result.scores
    assert set(scores["source"]) == {"deu", "rus"}
    assert scores["score"].between(0, 1).all()
    assert scores["illegal"].between(0, 1).all()
    assert (scores["n_test"] == 12).all()
    assert "in_language" in str(result)
    binomial = (scores["score"] * (1 - scores["score"]) / 11) ** 0.5  # 12 examples
    assert np.allclose(scores["se"], binomial)
    pd.testing.assert_frame_equal(scores, scores_table(read_records(out)))


def test_an_exported_table_is_a_start_for_more(finished, tiny_folder, tmp_path, capsys) -> None:
    out, result = finished
    table, place = tmp_path / "scores.csv", tmp_path / "records"
    main(["study", "export", "--records", str(out), "--out", str(table)])
    main(["study", "import", "--scores", str(table), "--out", str(place)])
    assert "4 records written, 0 were there" in capsys.readouterr().out
    pd.testing.assert_frame_equal(scores_table(read_records(place)), result.scores)
    main(["study", "import", "--scores", str(table), "--out", str(place)])
    assert "0 records written, 4 were there" in capsys.readouterr().out
    more = run_study(_config(tiny_folder, seeds=[0, 1]), place, workers=0, progress=False)
    assert (more.measured, more.read) == (4, 4)
    pd.testing.assert_frame_equal(more.scores[more.scores["seed"] == 0], result.scores)


def test_tables_that_make_no_records(finished, tmp_path) -> None:
    scores = finished[1].scores
    older = records_of(scores.drop(columns="se"))
    assert [record.se for record in older] == [None] * 4
    assert scores_table(older)["se"].isna().all()
    with pytest.raises(DataError, match="lacks n_test, settings"):
        records_of(scores.drop(columns=["n_test", "settings"]))
    with pytest.raises(DataError, match=r"is 80, not in \[0, 1\]"):
        records_of(scores.assign(score=80.0))
    with pytest.raises(DataError, match="same cell: task:intents"):
        records_of(pd.concat([scores, scores.head(1)]))


@pytest.mark.parametrize("digest", ["1234567890", "0123456789", "1234e56789"])
def test_a_digest_is_no_number(digest, finished, tmp_path) -> None:
    finished[1].scores.assign(settings=digest, version="0.10").to_csv(tmp_path / "t.csv")
    read = read_scores(tmp_path / "t.csv")
    assert set(read["settings"]) == {digest}
    assert set(read["version"]) == {"0.10"}


def test_running_again_reads_everything(finished, tiny_folder) -> None:
    out, result = finished
    stamps = {p: p.stat().st_mtime_ns for p in out.glob("*.json")}
    again = run_study(_config(tiny_folder), out, workers=0, progress=False)
    assert (again.measured, again.read) == (0, 4)
    assert stamps == {p: p.stat().st_mtime_ns for p in out.glob("*.json")}
    pd.testing.assert_frame_equal(again.scores, result.scores)


def test_missing_cells_only_are_measured_and_come_out_the_same(finished, tiny_folder) -> None:
    out, result = finished
    victim = sorted(out.glob("*.json"))[1]
    before = json.loads(victim.read_text())
    victim.unlink()
    again = run_study(_config(tiny_folder), out, workers=0, progress=False)
    assert (again.measured, again.read) == (1, 3)
    after = json.loads(victim.read_text())
    assert {**before, "seconds": 0} == {**after, "seconds": 0}
    pd.testing.assert_frame_equal(again.scores, result.scores)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is empty"),
        ('{"task": "intents", "sour', "truncated"),
        ('{"task": "intents"}', "other fields"),
        ("[]", "other fields"),
        (None, "has the score"),
    ],
)
def test_broken_records_are_named(content, message, finished, tmp_path, capsys) -> None:
    good = read_records(finished[0])[0]
    path = tmp_path / good.file_name
    text = json.dumps(asdict(good) | {"score": float("nan")}) if content is None else content
    path.write_text(text)
    with pytest.raises(RecordError, match=message) as caught:
        read_record(path)
    assert path.name in str(caught.value)
    assert "Delete the file" in str(caught.value)
    csv = tmp_path / "scores.csv"
    assert main(["study", "export", "--records", str(tmp_path), "--out", str(csv)]) == 2
    assert not csv.exists()


def test_a_resumed_study_refuses_a_broken_record(finished, tmp_path, tiny_folder) -> None:
    name = read_records(finished[0])[0].file_name
    (tmp_path / name).write_text("")
    with pytest.raises(RecordError, match="is empty"):
        run_study(_config(tiny_folder), tmp_path, workers=0, progress=False)


def test_failed_jobs_are_reported_and_others_kept(tmp_path, tiny_folder) -> None:
    config = _config(tiny_folder, shots=[0, 100_000])
    with pytest.raises(StudyError, match=r"2 of 4 jobs failed; finished cells are kept"):
        run_study(config | {"sources": ["de", "ru"]}, tmp_path, workers=0, progress=False)
    assert len(read_records(tmp_path)) == 4


def test_nan_is_never_written(tmp_path, finished) -> None:
    record = Record(**(asdict(read_records(finished[0])[0]) | {"score": float("nan")}))
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_record(tmp_path, record)
    assert list(tmp_path.iterdir()) == []


def test_the_bar_moves_with_every_record(tiny_folder, tmp_path, monkeypatch) -> None:
    """Four cells of one job: the bar does not wait for the job."""
    from cluster_harness import simulated
    from tqdm import tqdm

    from crosslingual import running

    seen = []

    class Bar(tqdm):
        def update(self, n=1):
            super().update(n)
            seen.append(self.n)

    monkeypatch.setattr(running, "tqdm", Bar)
    monkeypatch.setattr(running, "FOLLOW_LOCAL", 0.01)
    config = _config(tiny_folder, sources=["de"], targets=["de", "en", "ru", "uk"])
    run_study(config, tmp_path, workers=0, work=simulated)
    assert {1, 2, 3} < set(seen)
    assert seen == sorted(seen)
    assert seen[-1] == 4


@pytest.mark.parametrize("place", ["folder", "bucket"])
def test_a_job_killed_at_its_cells_does_not_learn_its_source_again(
    tiny_folder, tmp_path, monkeypatch, place
) -> None:
    """What a large model learned in hours is kept until the last cell that needs it."""
    monkeypatch.setattr("crosslingual.checkpoints.Checkpoint", partial(Checkpoint, every=0.0))
    few = {"shots": [0, 2], "trainings": ["sequential"]}
    config = _config(tiny_folder, sources=["de"], targets=["de", "en", "ru"], **few)
    whole = run_study(config, tmp_path / "whole", workers=0, progress=False)
    out = str(tmp_path / "killed") if place == "folder" else "memory://bucket/killed"
    store = open_store(out).prepare()
    (job,) = expand(load_config(config))
    evaluated, done = measuring._evaluated, []

    def dies(*given):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(evaluated(*given))
        return done[-1]

    monkeypatch.setattr(measuring, "_evaluated", dies)
    with pytest.raises(KeyboardInterrupt):
        measuring.measure(job, out)
    (kept,) = store.states()
    monkeypatch.setattr(measuring, "_evaluated", evaluated)
    learned = []
    update = tuning._update
    monkeypatch.setattr(
        tuning,
        "_update",
        lambda model, data, *rest: learned.append(data) or update(model, data, *rest),
    )
    again = run_study(config, out, workers=0, progress=False)
    assert {len(data.inputs) for data in learned} == {2}  # the target's examples only
    pd.testing.assert_frame_equal(again.scores, whole.scores)
    assert not store.states()
    with fsspec.open(store.state(kept), "wb") as stream:
        stream.write(b"killed after its last record")
    assert store.states() == {kept}
    run_study(config, out, workers=0, progress=False)
    assert not store.states()


@pytest.mark.slow
def test_kill_9_loses_and_doubles_nothing(tmp_path, tiny_folder, finished) -> None:
    """The driver is killed in the middle of a study on a local Dask cluster."""
    config = tmp_path / "study.yaml"
    changed = _config(tiny_folder, sources=["de", "en", "ru", "uk"], tasks=["intents", "answers"])
    config.write_text(yaml.safe_dump(changed), encoding="utf-8")
    command = [sys.executable, "-m", "crosslingual", "study", "run"]
    command += ["--config", str(config), "--workers", "2", "--out"]
    out = tmp_path / "killed"
    driver = subprocess.Popen(
        [*command, str(out)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and len(list(out.glob("*.json"))) < 5:
        assert driver.poll() is None, "the study ended before it could be killed"
        time.sleep(0.02)
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()
    kept = {p.name: p.read_bytes() for p in out.glob("*.json")}
    assert 5 <= len(kept) < 32
    for path in out.glob("*.json"):
        read_record(path)
    subprocess.run([*command, str(out)], check=True, capture_output=True, timeout=240)
    assert len(read_records(out)) == 32
    assert all((out / name).read_bytes() == content for name, content in kept.items())
    undisturbed = tmp_path / "undisturbed"
    subprocess.run([*command, str(undisturbed)], check=True, capture_output=True, timeout=240)
    pd.testing.assert_frame_equal(
        scores_table(read_records(out)), scores_table(read_records(undisturbed))
    )


@pytest.mark.slow
def test_a_scheduler_elsewhere_serves_too(tmp_path, tiny_folder, finished) -> None:
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        result = run_study(
            _config(tiny_folder), tmp_path, scheduler=cluster.scheduler_address, progress=False
        )
    pd.testing.assert_frame_equal(result.scores, finished[1].scores)


def test_no_scheduler_is_a_named_error(tmp_path, tiny_folder) -> None:
    nowhere = {"scheduler": "tcp://127.0.0.1:9", "wait": 1, "progress": False}
    with pytest.raises(ConfigError, match=r"no Dask scheduler answers .* within 1 s"):
        run_study(_config(tiny_folder), tmp_path, **nowhere)


SCORES = pd.DataFrame(
    [
        ("t", s, g, 0, seed, model, value + 0.01 * seed)
        for model, plus in (("a", 0.1), ("b", 0.0))
        for seed in (0, 1)
        for s, g, value in [
            ("deu", "deu", 0.8 + plus),
            ("deu", "eng", 0.4 + plus),
            ("eng", "deu", 0.2 + plus),
            ("eng", "eng", 0.9),
        ]
    ],
    columns=["task", "source", "target", "shots", "seed", "model", "score"],
)


def test_reliability_is_the_share_of_true_variance() -> None:
    # 400 pairs, true standard deviation 0.2, noise 0.3 in each of three seeds.
    random, names = np.random.default_rng(0), [f"l{i:02d}" for i in range(20)]
    rows = [
        ("t", s, g, seed, true + 0.3 * random.normal())
        for s, g in ((s, g) for s in names for g in names if s != g)
        for true in [0.2 * random.normal()]
        for seed in range(3)
    ]
    columns = ["task", "source", "target", "seed", "score"]
    row = summarise(pd.DataFrame(rows, columns=columns)).iloc[0]
    assert row["reliability"] == pytest.approx(0.04 / (0.04 + 0.09 / 3), abs=0.05)
    assert row["noise"] == pytest.approx(0.3, rel=0.05)  # the mean of deviations would be 0.27


def test_noise_is_pooled_over_pairs_with_any_number_of_seeds() -> None:
    """Oracle: the residual mean square of an analysis of variance by pair."""
    random = np.random.default_rng(3)
    rows = [("t", "s", f"g{k}", n, random.normal()) for k in range(9) for n in range(k + 1)]
    scores = pd.DataFrame(rows, columns=["task", "source", "target", "seed", "score"])
    fitted = smf.ols("score ~ C(target)", scores).fit()
    assert summarise(scores).iloc[0]["noise"] == pytest.approx(fitted.mse_resid**0.5)


def test_summaries_worked_case() -> None:
    row = summarise(SCORES).set_index("model").loc["a"]
    assert row["in_language"] == pytest.approx((0.9 + 0.9) / 2 + 0.005)
    assert row["across"] == pytest.approx(0.4 + 0.005)
    assert row["spread"] == pytest.approx(0.2 / 2**0.5)
    assert row["noise"] == pytest.approx(0.01 / 2**0.5)
    assert row["reliability"] == pytest.approx(1 - (0.01**2 / 2 / 2) / 0.02)
    assert np.isnan(summarise(SCORES[SCORES["seed"] == 0])["reliability"]).all()
    table = matrix(SCORES, "t", "a")
    assert table.loc["de", "en"] == pytest.approx(0.505)
    assert list(table.columns) == ["de", "en"]
    across = compare_models(SCORES, "a", "b").set_index("where").loc["across"]
    assert across["difference"] == pytest.approx(0.1)
    assert across["wins"] == 1
    with pytest.raises(DataError, match="several models"):
        matrix(SCORES, "t")
    with pytest.raises(DataError, match="no scores"):
        matrix(SCORES, "u")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("task,source,target\nt,de,en\n", "lacks score"),
        ("task,source,target,score\n", "lacks rows"),
        ("task,source,target,score\nt,de,en,much\n", "'much' in line 2"),
        ("task,source,target,score\nt,de,en,1\nt,en,de,inf\n", "line 3"),
        ("task,source,target,score,shots\nt,de,en,1,0\nt,en,de,1,few\n", "shots 'few' in line 3"),
        ("task,source,target,score,shots\nt,de,en,1,\n", "shots '' in line 2"),
        ("task,source,target,score,shots\nt,de,en,1,-5\n", "shots '-5' in line 2"),
        ("task,source,target,score\n ,de,en,1\n", "names no task in line 2"),
        ("task,source,target,score,n_test\nt,de,en,1,0\n", "number of tests '0' in line 2"),
        ("task,source,target,score,se\nt,de,en,1,\nt,en,de,1,-0.1\n", "'-0.1' in line 3"),
        ("task,source,target,score,se\nt,de,en,1,wide\n", "standard error 'wide' in line 2"),
        ("", "cannot be read"),
    ],
)
def test_tables_that_are_no_scores(text, message, tmp_path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_scores(path)
    with pytest.raises(DataError, match="does not exist"):
        read_scores(tmp_path / "none.csv")


def test_standard_errors_may_be_missing(tmp_path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text("task,source,target,score,se\nt,de,en,1,\nt,en,de,1,0.25\n")
    found = read_scores(path)["se"].tolist()
    assert np.isnan(found[0])
    assert found[1] == 0.25


def test_foreign_tables_are_read(tmp_path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text("task,source,target,score\nNER,no,German,0.5\n".replace("no", "nb"))
    row = read_scores(path).iloc[0]
    assert (row["source"], row["target"], row["shots"], row["model"]) == (
        "nob",
        "deu",
        0,
        "unknown",
    )
    path.write_text("task,source,target,score\nNER,xx,German,0.5\n")
    with pytest.raises(UnknownLanguageError, match="xx"):
        read_scores(path)


def test_other_weights_are_other_cells(tiny_folder, tmp_path) -> None:
    import shutil

    copy = tmp_path / "tiny"
    shutil.copytree(tiny_folder, copy)

    def settings(folder: Path) -> str:
        return expand(load_config(_config(folder)))[0].cells[0].settings

    before = settings(copy)
    assert before == settings(tiny_folder)
    weights = bytearray((copy / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (copy / "model.safetensors").write_bytes(weights)
    assert settings(copy) != before


def test_named_errors_travel_between_processes() -> None:
    import pickle

    import crosslingual.errors as errors

    for name in errors.__all__:
        kind = getattr(errors, name)
        unknown = issubclass(kind, errors.UnknownNameError)
        error = kind("Germn", ["German", "de"], "Next step.") if unknown else kind("message")
        assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_a_config_is_itself_acceptable() -> None:
    config = StudyConfig(sources=("de",), targets=("German", "fi"))
    assert load_config(config).targets == ("deu", "fin")
