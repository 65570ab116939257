"""Readers: worked files, dirt with its line, hub folders, and what is refused."""

import json
from pathlib import Path

import pytest

from crosslingual.errors import ConfigError, DataError
from crosslingual.hub import read_hub
from crosslingual.readers import read_conll, read_conllu, read_squad, read_table


def _file(tmp_path: Path, name: str, text: str) -> Path:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    return path


def test_a_tsv_keeps_quotes_and_maps_columns(tmp_path) -> None:
    path = _file(tmp_path, "a.tsv", 'index\ttext\tlabel\n1\t"Ja", sagte er.\tx\n2\tNein\ty\n')
    rows, dirt = read_table(path, {"text": "text", "category": "label"})
    assert rows[0] == {"text": '"Ja", sagte er.', "category": "x"}
    assert (len(rows), dirt) == (2, [])


def test_csv_and_jsonl_say_the_same(tmp_path) -> None:
    comma = _file(tmp_path, "a.csv", 'text,label\n"one, two",x\n')
    lines = _file(tmp_path, "a.jsonl", '{"text": "one, two", "label": "x", "more": 1}\n\n')
    columns = {"text": "text", "label": "label"}
    assert read_table(comma, columns) == read_table(lines, columns)


def test_dirty_lines_are_told_by_number(tmp_path) -> None:
    path = _file(tmp_path, "a.tsv", "text\tlabel\ngood\tx\n\ty\nshort\nfine\tz\n")
    columns = {"text": "text", "label": "label"}
    with pytest.raises(DataError, match=r"a\.tsv:3: nothing in text"):
        read_table(path, columns)
    rows, dirt = read_table(path, columns, dirty="skip")
    assert [r["text"] for r in rows] == ["good", "fine"]
    assert [(d.line, d.what) for d in dirt] == [(3, "nothing in text"), (4, "nothing in label")]


def test_a_mark_inside_a_text_moves_no_column(tmp_path) -> None:
    """The label would be taken from the text; a mark at the end of a line does no harm."""
    path = _file(tmp_path, "a.tsv", "text\tlabel\tfrom\none\ttwo\tx\ta\nthree\ty\tb\t\n")
    columns = {"text": "text", "label": "label"}
    with pytest.raises(DataError, match=r"a\.tsv:2: 4 columns where the header has 3"):
        read_table(path, columns)
    rows, dirt = read_table(path, columns, dirty="skip")
    assert (rows, [d.line for d in dirt]) == ([{"text": "three", "label": "y"}], [2])
    long = _file(tmp_path, "b.csv", f"text,label\n{'a' * 200_000},x\n")
    with pytest.raises(DataError, match=r"line 2: field larger than field limit"):
        read_table(long, columns)


CONLL = "EU B-ORG\nrejects O\n\nbroken\nline O\n\nin O\nParis I-LOC\nFrance I-LOC\nx B-MISC\n"


def test_conll_by_hand(tmp_path) -> None:
    path = _file(tmp_path, "a.txt", CONLL)
    rows, dirt = read_conll(path, ("ORG", "LOC"), dirty="skip")
    assert rows == [
        {"tokens": ["EU", "rejects"], "tags": ["B-ORG", "O"]},
        {"tokens": ["in", "Paris", "France", "x"], "tags": ["O", "B-LOC", "I-LOC", "O"]},
    ]
    assert [str(d) for d in dirt] == [
        f"{path}:4: one column where a token and a tag are expected: 'broken'"
    ]
    with pytest.raises(DataError, match=":4:"):
        read_conll(path)
    odd = _file(tmp_path, "b.txt", "word NOUN\n")
    with pytest.raises(DataError, match="'NOUN' is no BIO tag"):
        read_conll(odd)
    with pytest.raises(DataError, match="has 2 columns: there is no column 2"):
        read_conll(path, dirty="skip", token=2)


def test_conll_tokens_with_blanks_in_them(tmp_path) -> None:
    # Both are in the files of MasakhaNER's transfer corpora: a number with a non-breaking space
    # (Portuguese) is one token, a token torn by blanks (Hungarian) is dirt.
    path = _file(tmp_path, "a.txt", "661\u00a02458 O\nParis\tB-LOC\n\n'56 milli O\nok O\n\nok O\n")
    rows, dirt = read_conll(path, dirty="skip")
    assert [row["tokens"] for row in rows] == [["661\u00a02458", "Paris"], ["ok"]]
    assert [str(d) for d in dirt] == [f'{path}:4: 3 columns where the file has 2: "\'56 milli O"']


def test_files_encoded_twice_are_mended_and_told(tmp_path) -> None:
    text = "la O\nCoruña B-LOC\n\n«él B-PER\n"  # as the Spanish file of MasakhaNER's sources is
    path = _file(tmp_path, "es.txt", text.encode().decode("latin-1"))
    rows, dirt = read_conll(path, dirty="skip")
    assert rows == read_conll(_file(tmp_path, "right.txt", text))[0]
    assert [(d.line, "'Coruña B-LOC'" in d.what) for d in dirt] == [(2, True)]
    with pytest.raises(DataError, match=":2: encoded as UTF-8 twice"):
        read_conll(path)
    table = "text\tlabel\ncafé\t1\n"
    twice = _file(tmp_path, "a.tsv", table.encode().decode("latin-1"))
    columns = {"text": "text", "label": "label"}
    assert read_table(twice, columns, "skip")[0] == [{"text": "café", "label": "1"}]


@pytest.mark.parametrize("text", ["MISÉ» O\nété O\n", "Москва B-LOC\nÃ© O\n", "x O\n"])
def test_files_encoded_once_are_left_alone(tmp_path, text) -> None:
    rows, dirt = read_conll(_file(tmp_path, "a.txt", text))
    assert dirt == []
    assert rows[0]["tokens"] == text.split()[::2]


def test_conllu_leaves_ranges_and_empty_nodes_out(tmp_path) -> None:
    def line(number: str, word: str, tag: str) -> str:
        return "\t".join([number, word, "_", tag, *"______"])

    text = "\n".join(
        ["# sent_id = s1", line("1-2", "zum", "_"), line("1", "zu", "ADP"), line("2", "dem", "DET"),
         line("2.1", "leer", "X"), "", "# sent_id = s2", line("1", "Ja", "INTJ")]
    )  # fmt: skip
    rows, dirt = read_conllu(_file(tmp_path, "a.conllu", text))
    assert rows == [
        {"id": "s1", "tokens": ["zu", "dem"], "tags": ["ADP", "DET"]},
        {"id": "s2", "tokens": ["Ja"], "tags": ["INTJ"]},
    ]
    assert dirt == []
    with pytest.raises(DataError, match="3 columns instead of 10"):
        read_conllu(_file(tmp_path, "b.conllu", "1\tJa\tINTJ\n"))


def test_squad_by_hand(tmp_path) -> None:
    qas = [
        {"id": 1, "question": "Q?", "answers": [{"text": "A", "answer_start": 4}, {"text": "b"}]},
        {"id": 2, "question": "R?", "answers": []},
    ]
    value = {"data": [{"paragraphs": [{"context": "C", "qas": qas}]}]}
    rows, dirt = read_squad(_file(tmp_path, "a.json", json.dumps(value)))
    answers = {"text": ["A", "b"], "answer_start": [4, -1]}  # lists, as the hub has them
    assert rows == [
        {"id": "1", "key": "article 0", "question": "Q?", "context": "C", "answers": answers}
    ]
    assert len(dirt) == 1
    with pytest.raises(DataError, match="no SQuAD JSON"):
        read_squad(_file(tmp_path, "b.json", '{"data": 5}'))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.tsv", "text\nx\n", "no column 'label'"),
        ("a.xls", "text", "is no table"),
        ("a.tsv", "text\tlabel\n", "holds no row"),
        ("a.jsonl", "{not json}\n", "no JSON"),
    ],
)
def test_bad_tables_are_named(tmp_path, name, text, message) -> None:
    with pytest.raises(DataError, match=message):
        read_table(_file(tmp_path, name, text), {"text": "text", "label": "label"})


def test_bad_files_are_named(tmp_path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_conll(tmp_path / "none.txt")
    with pytest.raises(DataError, match="no sentence"):
        read_conllu(_file(tmp_path, "e.conllu", "\n"))
    (tmp_path / "latin.txt").write_bytes("é O\n".encode("latin-1"))
    with pytest.raises(DataError, match="not UTF-8"):
        read_conll(tmp_path / "latin.txt")
    with pytest.raises(ConfigError, match="Allowed: refuse, skip"):
        read_conll(tmp_path / "none.txt", dirty="ignore")


def test_a_hub_folder_is_read_as_the_hub_has_it(tmp_path) -> None:
    import pandas as pd

    for config in ("de", "en"):
        (tmp_path / "xnli" / config).mkdir(parents=True)
        table = pd.DataFrame({"premise": [config], "hypothesis": ["h"], "label": [2]})
        table.to_parquet(tmp_path / "xnli" / config / "test-00000-of-00001.parquet")
    assert read_hub(str(tmp_path / "xnli"), "de", "test") == [
        {"premise": "de", "hypothesis": "h", "label": 2}
    ]
    with pytest.raises(DataError, match="cannot be loaded"):
        read_hub(str(tmp_path / "xnli"), "de", "train")
    with pytest.raises(DataError, match="give a folder with data_dir"):
        read_hub(str(tmp_path / "nothing"), None, "test")


def test_a_data_set_made_by_a_program_is_read_as_the_hub_made_it(tmp_path, monkeypatch) -> None:
    """facebook/mlqa, say: no program is run, but the hub keeps its rows on a branch."""
    import datasets
    import pandas as pd

    for name in ("mlqa.en.en", "mlqa.de.de"):
        folder = tmp_path / name / "test"
        folder.mkdir(parents=True)
        pd.DataFrame({"question": [name]}).to_parquet(folder / "0000.parquet")
    real, asked = datasets.load_dataset, []

    def hub(path, config=None, **options):
        asked.append(options.pop("revision", "main"))
        if asked[-1] == "main":
            raise RuntimeError("Dataset scripts are no longer supported, but found mlqa.py")
        return real(str(tmp_path), config, **options)

    monkeypatch.setattr(datasets, "load_dataset", hub)
    assert read_hub("facebook/mlqa", "mlqa.de.de", "test") == [{"question": "mlqa.de.de"}]
    assert asked == ["main", "refs/convert/parquet"]
    with pytest.raises(DataError, match=r"mlqa\.fr\.fr.* cannot be loaded"):
        read_hub("facebook/mlqa", "mlqa.fr.fr", "test")
