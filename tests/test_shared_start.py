"""Vectors from shared pieces, text from catalogues, retrieval: against cases worked by hand."""

import gettext
import json
import struct

import numpy as np
import pytest
from scipy import sparse

from crosslingual.catalogues import catalogue_texts, extend_corpus
from crosslingual.cli import main
from crosslingual.cooccurrence import association, shared_pieces, shared_vectors
from crosslingual.corpus import read_paragraphs
from crosslingual.errors import CorpusError, DataError, UnknownNameError
from crosslingual.pretraining import Architecture, PretrainConfig, pretrain
from crosslingual.retrieval import pooled_states, retrieval_accuracy, retrieval_table
from crosslingual.vocabulary import as_transformers, train_vocabulary

# --- association -------------------------------------------------------------------------


def test_association_is_the_formula_in_a_dense_table() -> None:
    counts = np.array([[4.0, 0, 2], [1, 3, 0], [0, 5, 5]])
    smooth = counts.sum(0) ** 0.75
    with np.errstate(divide="ignore"):
        expected = np.log(counts / counts.sum(1, keepdims=True) / (smooth / smooth.sum()))
    found = association(sparse.csr_matrix(counts)).toarray()
    assert np.allclose(found, np.maximum(expected, 0), atol=1e-6)


def test_shared_pieces_are_counted_by_language() -> None:
    paragraphs = np.array([[9, 20, 30], [20, 20, 0], [25, 19, 40]])
    assert shared_pieces(paragraphs, 2, 20).tolist() == [0, 1, 2]
    assert shared_pieces(paragraphs, 3, 19).tolist() == [1]


def _texts(seed: int = 0) -> tuple[dict[str, np.ndarray], int, int, int]:
    """Three languages, each with words of its own, that speak of the same things by number.

    Ids 3 to 62 are shared (numbers, names); then 100 words a language. Concept k of every
    language stands beside the same shared pieces; texts are drawn apart.
    """
    random = np.random.default_rng(seed)
    shared, concepts = 60, 100
    companions = [random.choice(shared, 4, replace=False) + 3 for _ in range(concepts)]
    packed = {}
    for number, code in enumerate(("aa", "bb", "cc")):
        first = 3 + shared + number * concepts
        ids: list[int] = []
        for _ in range(4000):
            k = int(random.integers(concepts))
            noise = first + random.integers(concepts, size=2)
            ids += [first + k, *random.choice(companions[k], 2), *noise, 1]
        packed[code] = np.array(ids)
    return packed, 3 + shared, concepts, 3 + shared + 3 * concepts


def test_words_of_like_company_meet_across_languages() -> None:
    """Without a pair or a dictionary most words have their counterpart nearest, here."""
    packed, first, concepts, size = _texts()
    vectors = shared_vectors(packed, size, 32, own=0.0, least_languages=3, least_paragraphs=5)
    assert vectors.shape == (size, 32)
    assert np.sqrt((vectors[first:] ** 2).mean()) == pytest.approx(1.0, rel=0.1)
    one, two = (vectors[first + i * concepts : first + (i + 1) * concepts] for i in (0, 1))
    assert retrieval_accuracy(one, two) > 0.8
    # Half of the length of its own, a word is still nearer to its counterpart than to others ...
    mixed = shared_vectors(packed, size, 32, own=0.5, least_languages=3, least_paragraphs=5)
    one, two = (mixed[first + i * concepts : first + (i + 1) * concepts] for i in (0, 1))
    assert retrieval_accuracy(one, two) > 0.2
    # ... and no two words are the same.
    assert len(np.unique(mixed.round(4), axis=0)) == size


def test_means_of_languages_do_not_differ() -> None:
    packed, first, concepts, size = _texts()
    vectors = shared_vectors(packed, size, 32, own=0.0, least_languages=3, least_paragraphs=5)
    rate = np.stack([np.bincount(ids[ids >= 3], minlength=size) for ids in packed.values()])
    means = [vectors[first + i * concepts : first + (i + 1) * concepts].mean(0) for i in range(3)]
    spread = np.linalg.norm(np.std(means, axis=0))
    assert spread < 0.1 * np.linalg.norm(vectors[first:], axis=1).mean()
    assert rate.shape == (3, size)


def test_too_few_shared_pieces_are_refused() -> None:
    packed, _, _, size = _texts()
    with pytest.raises(CorpusError, match="60 pieces are shared by 3 languages; vectors of width"):
        shared_vectors(packed, size, 64, least_languages=3, least_paragraphs=5)


NAMES = [
    *("Ada", "Bonn", "Cairo", "Delhi", "Essen", "Faro", "Genoa", "Hanoi", "Ithaca", "Jena"),
    *("Kyoto", "Lima", "Milan", "Nice", "Oslo", "Porto", "Quito", "Riga", "Sofia", "Tunis"),
    *("Ulm", "Varna", "Worms", "Xanten", "York", "Zug"),
]


def test_pretraining_starts_from_them(tmp_path) -> None:
    """With no step of the embeddings, the model that is saved has the vectors."""
    import torch
    from safetensors.torch import load_file

    corpus = tmp_path / "corpus"
    corpus.mkdir()
    random = np.random.default_rng(0)
    for number, code in enumerate(("aa", "bb", "cc", "dd", "ee", "ff")):
        words = [f"{chr(97 + number)}{chr(97 + k)}o" for k in range(len(NAMES))]
        picks = random.integers(len(NAMES), size=900)
        lines = [f"{words[k]} {NAMES[k]} {words[k - 1]} {NAMES[k]}" for k in picks]
        (corpus / f"{code}.txt").write_text("\n".join(lines), encoding="utf-8")
    tokenizer = as_transformers(train_vocabulary(corpus, 450))
    shape = Architecture(d_model=16, d_ff=24, encoder_layers=1, decoder_layers=1, heads=2, d_kv=8)
    config = PretrainConfig(steps=1, batch=2, raw_length=24, embeddings="shared", embedding_lr=0.0)
    out = tmp_path / "out"
    pretrain(corpus, out, tokenizer, shape, config, compile_model=False)
    packed = {path.stem: np.load(path) for path in sorted((out / "tokens").glob("*.npy"))}
    expected = torch.from_numpy(shared_vectors(packed, len(tokenizer), 16)).to(torch.bfloat16)
    assert torch.equal(load_file(out / "model" / "model.safetensors")["shared.weight"], expected)
    # Made once: a run that finds them takes them.
    (out / "checkpoint.pt").unlink()
    np.save(out / "vectors.16.0.npy", np.full((len(tokenizer), 16), 0.5, np.float32))
    pretrain(corpus, out, tokenizer, shape, config, compile_model=False)
    assert (load_file(out / "model" / "model.safetensors")["shared.weight"] == 0.5).all()
    (corpus / "ff.txt").unlink()
    with pytest.raises(CorpusError, match="are shared by 6 languages"):
        pretrain(corpus, tmp_path / "five", tokenizer, shape, config, compile_model=False)
    wrong = PretrainConfig(steps=1, embeddings="aligned")
    with pytest.raises(UnknownNameError, match="shared"):
        pretrain(corpus, tmp_path / "wrong", tokenizer, shape, wrong, compile_model=False)


# --- catalogues --------------------------------------------------------------------------


def _mo(messages: dict[str, str]) -> bytes:
    """A gettext catalogue, after the format's description in GNU gettext's manual."""
    pairs = sorted({"": "Content-Type: text/plain; charset=UTF-8\n", **messages}.items())
    keys, texts = (b"\0".join(side) + b"\0" for side in zip(
        *((k.encode(), v.encode()) for k, v in pairs), strict=True))  # fmt: skip
    n = len(pairs)
    tables, place = [], 28 + 16 * n
    for side in (0, 1):
        for pair in pairs:
            size = len(pair[side].encode())
            tables.append(struct.pack("<II", size, place))
            place += size + 1
    head = struct.pack("<7I", 0x950412DE, 0, n, 28, 28 + 8 * n, 0, 0)
    return head + b"".join(tables) + keys + texts


def test_catalogues_of_three_kinds_give_clean_messages(tmp_path) -> None:
    place = tmp_path / "share" / "locale" / "de" / "LC_MESSAGES"
    place.mkdir(parents=True)
    messages = {
        "The river <b>rises</b> in the mountains of %s.": "Der Fluss <b>steigt</b> in den Bergen.",
        "short": "kurz",
        "menu\x04The king has returned to the city": "Der König ist in die Stadt zurückgekehrt",
    }
    (place / "game.mo").write_bytes(_mo(messages))
    assert gettext.GNUTranslations((place / "game.mo").open("rb")).gettext("short") == "kurz"
    (tmp_path / "sw.json").write_text(
        json.dumps({"@meta": "x" * 30, "a": "Ukurasa huu {{PLURAL:$1|umefutwa}} na mtumiaji."})
    )
    (tmp_path / "law.html").write_text(
        '<html lang="fi"><body><h1>no</h1><p>Kaikki ihmiset syntyvät vapaina.</p></body></html>'
    )
    (tmp_path / "notes.json").write_text("[1, 2")
    screen = {"valo": {"on": "Kytke {name}", "@note": "x" * 30}, "ovi": "Sammuta valo ja ovi"}
    (tmp_path / f"fi-{'0a' * 16}.json").write_text(json.dumps(screen))
    found = catalogue_texts(tmp_path, ["de", "en", "sw", "fi"])
    assert found["de"] == [
        "Der Fluss steigt in den Bergen.", "Der König ist in die Stadt zurückgekehrt",
    ]  # fmt: skip
    assert "The river rises in the mountains of ." in found["en"]
    assert found["sw"] == ["Ukurasa huu na mtumiaji."]
    assert found["fi"] == ["Kaikki ihmiset syntyvät vapaina.", "Kytke . Sammuta valo ja ovi."]
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "de.txt").write_text("Zeile eins\nZeile zwei\n", encoding="utf-8")
    sizes = extend_corpus(corpus, tmp_path / "share", tmp_path / "out", repeat=2)
    lines = list(read_paragraphs(tmp_path / "out" / "de.txt"))
    assert len(lines) == 2 + 2 * 2
    assert sizes["de"] == (20, 2 * sum(map(len, found["de"])))
    words = ["--corpus", str(corpus), "--catalogues", str(tmp_path / "share")]
    assert main(["corpus", *words, "--out", str(tmp_path / "again"), "--repeat", "1"]) in (0, None)
    assert len(list(read_paragraphs(tmp_path / "again" / "de.txt"))) == 2 + 2
    with pytest.raises(CorpusError, match="no message catalogue"):
        catalogue_texts(corpus, ["de"])
    with pytest.raises(CorpusError, match="written over the old one"):
        extend_corpus(corpus, tmp_path / "share", corpus)
    (tmp_path / "out" / "sw.txt").touch()  # of an earlier corpus
    with pytest.raises(CorpusError, match=r"of other languages already \(sw\)"):
        extend_corpus(corpus, tmp_path / "share", tmp_path / "out")


# --- retrieval ---------------------------------------------------------------------------


def test_retrieval_by_hand() -> None:
    one = np.array([[1.0, 0], [0, 1], [-1, -1]])
    assert retrieval_accuracy(one, 5 * one) == 1.0
    assert retrieval_accuracy(one, one[[1, 0, 2]]) == pytest.approx(1 / 3)
    moved = one + np.array([70.0, -3.0])
    assert retrieval_accuracy(one, moved) == 1.0  # the mean of a language is no meaning
    # Angles of the moved rows: -2.4, -1.6, -3.3 degrees; row 0 (0 degrees) takes the second.
    assert retrieval_accuracy(one, moved, centred=False) == pytest.approx(2 / 3)
    assert retrieval_accuracy(one, np.zeros((3, 2))) == 0.0  # ties are misses
    with pytest.raises(DataError, match="3 and 2 rows"):
        retrieval_accuracy(one, one[:2])


def test_pooled_states_are_means_of_single_texts(tiny) -> None:
    """Oracle: one text at a time, without padding; embeddings by hand."""
    import torch

    texts = ["turn on the lamp", "mach das Licht in der Küche an und aus", "x"]
    together = pooled_states(tiny, texts)
    assert together.shape == (2, 3, 32)
    for i, text in enumerate(texts):
        ids = torch.tensor([tiny.tokenizer(text)["input_ids"]])
        with torch.inference_mode():
            states = tiny.model.encoder(input_ids=ids, output_hidden_states=True).hidden_states
        for layer, state in enumerate(states):
            assert np.allclose(together[layer, i], state[0].mean(0), atol=1e-4)
        assert np.allclose(
            together[0, i], tiny.model.shared.weight.detach()[ids[0]].mean(0), atol=1e-4
        )


def test_retrieval_of_a_language_from_itself_is_perfect(tiny) -> None:
    texts = ["the first", "a second one", "and another line"]
    said = {"eng": texts, "xxx": texts, "yyy": texts[::-1]}
    states = {code: pooled_states(tiny, rows) for code, rows in said.items()}
    table = retrieval_table(states)
    assert len(table) == 2 * 6
    same = table[(table["source"] == "eng") & (table["target"] == "xxx")]
    assert (same["accuracy"] == 1.0).all()
    turned = table[(table["source"] == "eng") & (table["target"] == "yyy")]
    assert np.allclose(turned["accuracy"], 1 / 3)
    assert (table["chance"] == 1 / 3).all()
    with pytest.raises(DataError, match="all of one shape"):
        retrieval_table({"eng": states["eng"], "deu": states["eng"][:, :2]})
