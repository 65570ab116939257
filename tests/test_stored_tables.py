"""The committed tables are those that the committed configurations, code and weights give.

A cell's ``settings`` are a digest of recipe, limits, task version, weights and tokenizer: were any
of them changed without measuring again, the digests would differ.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crosslingual.languages import find_language
from crosslingual.records import Cell, signature
from crosslingual.study import expand
from crosslingual.study_config import load_config

ROOT = Path(__file__).resolve().parent.parent
TABLES = {
    "zero_shot": ["laboratory", "controls"],
    "few_shot": ["few_shot"],
    "few_shot_joint": ["few_shot_joint"],
    "few_shot_benchmarks": [
        "few_shot_pud", "few_shot_pud_joint", "few_shot_sib200", "few_shot_sib200_joint",
        "few_shot_ner",
    ],
    "benchmarks": ["sib200", "pud", "ner_words", "ner", "xquad"],
}  # fmt: skip
CELL = ["task", "source", "target", "shots", "training", "seed", "model", "settings"]


def _table(name: str) -> pd.DataFrame:
    return pd.read_csv(ROOT / "book" / "data" / f"{name}.csv")


def _cells(name: str) -> Iterator[Cell]:
    """Of the configurations of a table, and of the untrained control as they describe it."""
    for config in TABLES[name]:
        study = replace(load_config(ROOT / "configs" / f"{config}.yaml"), seeds=(0, 1, 2))
        free = replace(study.train, freeze_embeddings=False)
        for asked in (study, replace(study, model="mini-scratch", train=free)):
            for job in expand(asked):
                yield from job.cells


@pytest.mark.parametrize("name", TABLES)
def test_every_row_is_a_cell_of_its_configuration(name: str) -> None:
    table = _table(name)
    measured = table[table["model"] != "lexical"]
    assert not measured.duplicated(CELL).any()
    found = set(measured[CELL].itertuples(index=False, name=None))
    wanted = {tuple(getattr(cell, part) for part in CELL) for cell in _cells(name)}
    assert len(found) > 200
    assert not found - wanted, sorted(found - wanted)[:3]


@pytest.mark.parametrize("name", TABLES)
def test_signatures_say_what_the_columns_say(name: str) -> None:
    for row in _table(name).itertuples():
        cell = (row.task, row.source, row.target, row.shots, row.model, row.seed, row.training)
        assert row.signature == signature(*cell, row.version)
        assert {find_language(c).code for c in (row.source, row.target)} == {row.source, row.target}


@pytest.mark.parametrize("name", TABLES)
def test_every_number_has_all_its_pairs(name: str) -> None:
    table = _table(name)
    groups = table.groupby(["task", "model", "training", "shots", "seed"])
    pairs = {"source": {100}, "sequential": {90}, "joint": {90}, "target": {10}}
    for (*_, training, _, _), rows in groups:
        assert len(rows[["source", "target"]].drop_duplicates()) in pairs[training]
        assert (rows["source"].eq(rows["target"])).all() == (training == "target")


@pytest.mark.parametrize("name", TABLES)
def test_scores_and_their_errors_are_of_so_many_examples(name: str) -> None:
    """An accuracy of n examples is a multiple of 1/n, and its error binomial."""
    table = _table(name)
    assert table["score"].between(0, 1).all()
    assert table["illegal"].between(0, 1).all()
    counted = table[table["metric"] == "accuracy"]
    hits = counted["score"] * counted["n_test"]
    assert np.allclose(hits, hits.round(), atol=1e-6)
    assert len(counted)
    if "se" in counted:  # tables that were measured before it was kept lack it
        known = counted.dropna(subset="se")
        expected = (known["score"] * (1 - known["score"]) / (known["n_test"] - 1)) ** 0.5
        assert len(known)
        assert np.allclose(known["se"], expected, atol=1e-9)
