"""The objective, the vocabulary and the loop, against identities and other code."""

import json
import math
import shutil

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from crosslingual.batches import feed
from crosslingual.corpus import corpus_files, language_shares, pack, read_paragraphs
from crosslingual.corruption import Corruption, corrupt
from crosslingual.errors import ConfigError, CorpusError, UnknownNameError
from crosslingual.losses import plain_loss, sampled_rows, seq2seq_loss, vocabulary_loss
from crosslingual.models import mini_folder
from crosslingual.muon import StackedMuon, orthogonal
from crosslingual.pretraining import (
    Architecture,
    Batches,
    PretrainConfig,
    loss_curve,
    new_model,
    pretrain,
)
from crosslingual.vocabulary import as_transformers, train_vocabulary


@given(
    st.integers(4, 200),
    st.floats(0.05, 0.5),
    st.floats(1, 6),
    st.integers(0, 10_000),
)
def test_corruption_hides_and_loses_nothing(
    length: int, density: float, span: float, seed: int
) -> None:
    how = Corruption(length, density, span)
    ids = np.arange(1000, 1000 + 3 * length).reshape(3, length)
    sentinels = np.arange(2, 2 + how.spans + 1)
    inputs, targets = corrupt(ids, how, sentinels, 1, np.random.default_rng(seed))
    assert inputs.shape == (3, how.input_length)
    assert targets.shape == (3, how.target_length)
    for row in range(3):
        hidden, current = {}, None
        for token in targets[row, :-1]:
            if token < 1000:
                current = token
                hidden[current] = []
            else:
                hidden[current].append(token)
        assert len(hidden) == how.spans
        assert sum(map(len, hidden.values())) == how.hidden
        rebuilt = [t for x in inputs[row, :-1] for t in (hidden[x] if x < 1000 else [x])]
        assert rebuilt == ids[row].tolist()
        assert inputs[row, -1] == targets[row, -1] == 1


def test_corruption_at_mt5s_settings() -> None:
    # T5's random_spans_helper: 568 raw tokens give 512 inputs and 114 targets.
    how = Corruption(568)
    assert (how.hidden, how.spans) == (85, 28)
    assert (how.input_length, how.target_length) == (512, 114)


@given(st.floats(0, 1))
def test_shares_sum_to_one_and_follow_the_exponent(alpha: float) -> None:
    shares = language_shares({"a": 16, "b": 4, "c": 1}, alpha)
    assert math.isclose(sum(shares.values()), 1)
    assert math.isclose(shares["a"] / shares["c"], 16**alpha)


def test_loss_is_torchs_in_value_and_gradient() -> None:
    torch.manual_seed(0)
    hidden = torch.randn(700, 24, requires_grad=True)
    weight = torch.randn(90, 24, requires_grad=True)
    labels = torch.randint(0, 90, (700,))
    ours = vocabulary_loss(hidden, weight, labels)
    theirs = torch.nn.functional.cross_entropy(hidden @ weight.T, labels)
    assert torch.isclose(ours, theirs, rtol=1e-5)
    for a, b in zip(
        torch.autograd.grad(2 * ours, (hidden, weight)),
        torch.autograd.grad(2 * theirs, (hidden, weight)),
        strict=True,
    ):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-7)


def test_a_sample_of_the_vocabulary_stands_for_the_whole() -> None:
    """The sampled sum is right on average; a sample of everything gives the full loss."""
    torch.manual_seed(1)
    labels = torch.randint(0, 400, (50,))
    scores = torch.randn(400)
    whole = scores.exp().sum()
    sums = []
    for seed in range(400):
        rows, bias, place = sampled_rows(labels, 400, 100, seed)
        assert (rows[place] == labels).all()
        assert len(set(rows.tolist())) == len(rows)
        assert set(labels.tolist()) <= set(rows.tolist())
        assert (bias[: len(labels.unique())] == 0).all()
        sums.append(float((scores[rows] + bias).exp().sum()))
    error = np.std(sums) / len(sums) ** 0.5
    assert abs(np.mean(sums) - float(whole)) < 4 * error
    model = new_model(Architecture(32, 48, 1, 1, 2, 16), 300)
    inputs, labels = torch.randint(3, 300, (4, 12)), torch.randint(3, 300, (4, 5))
    full = seq2seq_loss(model, inputs, labels)
    gradient = torch.autograd.grad(full, model.shared.weight)[0]
    sampled = seq2seq_loss(model, inputs, labels, sample=(300, 0))
    torch.testing.assert_close(full, sampled)
    again = torch.autograd.grad(sampled, model.shared.weight)[0]
    torch.testing.assert_close(gradient, again, rtol=1e-4, atol=1e-6)


def test_seq2seq_loss_is_transformers() -> None:
    model = new_model(Architecture(32, 48, 2, 2, 2, 16), 300)
    inputs = torch.randint(3, 300, (4, 12))
    inputs[1, 8:] = 0
    labels = torch.randint(3, 300, (4, 5))
    labels[2, 3:] = -100
    ours = seq2seq_loss(model, inputs, labels, pad_id=0)
    ours.backward()
    gradient = model.shared.weight.grad.clone()
    model.zero_grad()
    theirs = model(input_ids=inputs, attention_mask=(inputs != 0).long(), labels=labels).loss
    theirs.backward()
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(gradient, model.shared.weight.grad, rtol=1e-4, atol=1e-6)


@pytest.fixture(scope="module")
def toy_corpus(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("corpus")
    random = np.random.default_rng(0)
    for code, letters in {"en": "abcdefgh", "ru": "абвгдежз"}.items():
        words = ["".join(random.choice(list(letters), 4)) for _ in range(200)]
        lines = [" ".join(random.choice(words, 12)) + " 2026" for _ in range(400)]
        (folder / f"{code}.txt").write_text("\n".join(lines), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def toy_spiece(toy_corpus) -> bytes:
    return train_vocabulary(toy_corpus, vocab_size=560, sample_bytes=200_000)


TEXTS = [
    "Turn on the light in 47 rooms",
    "  two   spaces and\ttabs ",
    "Küche, ﬁne Ⅳ ½ ＡＢＣ",
    "включи свет",
    "打开灯。",
    "조명 켜 줘",
    "أطفئ الضوء",
    "emoji 🙂 and rare ꙮ",
    "",
]


def _agree(spiece: bytes, texts: list[str]) -> None:
    import sentencepiece

    theirs = sentencepiece.SentencePieceProcessor(model_proto=spiece)
    ours = as_transformers(spiece)
    for text in texts:
        assert ours(text)["input_ids"] == [*theirs.encode(text), 1], text


def test_tokenizer_agrees_with_sentencepiece(toy_spiece: bytes) -> None:
    _agree(toy_spiece, TEXTS)
    _agree((mini_folder() / "spiece.model").read_bytes(), TEXTS)


def test_mini_s_tokenizer_loses_no_text() -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(mini_folder())
    for text in ("Küche 47", "включи свет", "打开灯", "조명 켜 줘", "emoji 🙂 ꙮ"):
        assert tokenizer.decode(tokenizer(text)["input_ids"], skip_special_tokens=True) == text
    assert tokenizer("<extra_id_3>")["input_ids"][0] == tokenizer.convert_tokens_to_ids(
        "<extra_id_3>"
    )


def test_copying_updates_have_the_whole_text_as_target(toy_spiece) -> None:
    tokenizer = as_transformers(toy_spiece)
    text = np.arange(200, 5000, dtype=np.uint16)  # increasing: a text is told by its start
    packed = {"en": text}
    batches = Batches(packed, tokenizer, PretrainConfig(batch=4, raw_length=100, copying=1.0))
    inputs, targets = batches.train(0)
    assert targets.shape == (16, 20 + 1)
    assert (np.diff(targets[:, :-1], axis=1) == 1).all()
    assert (targets[:, -1] == tokenizer.eos_token_id).all()
    for row, target in zip(inputs, targets, strict=True):
        visible = set(row.tolist()) - set(batches.sentinels.tolist()) - {tokenizer.eos_token_id}
        assert visible < set(target.tolist())
    some = Batches(packed, tokenizer, PretrainConfig(batch=4, raw_length=100, copying=0.3))
    shapes = [some.train(step)[1].shape[0] for step in range(200)]
    assert 0.2 < shapes.count(16) / 200 < 0.4


def _toy_run(corpus, spiece, out, steps, save_every=4, **more):
    return pretrain(
        corpus,
        out,
        as_transformers(spiece),
        Architecture(32, 48, 1, 1, 2, 16),
        PretrainConfig(steps=steps, batch=8, raw_length=32, save_every=save_every, rate=0.05),
        compile_model=False,
        **more,
    )


def test_the_loss_to_compile_is_the_other_one() -> None:
    model = new_model(Architecture(16, 24, 1, 1, 2, 8), 300)
    random = torch.Generator().manual_seed(0)
    inputs = torch.randint(3, 300, (4, 11), generator=random)
    labels = torch.randint(3, 300, (4, 7), generator=random)
    gradients, values = [], []
    for loss in (plain_loss, seq2seq_loss):
        model.zero_grad()
        value = loss(model, inputs, labels)
        value.backward()
        gradients.append({name: p.grad.clone() for name, p in model.named_parameters()})
        values.append(float(value.detach()))
    assert values[0] == pytest.approx(values[1])
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradient, gradients[1][name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("has_bf16", "apart"), [(True, 0.01), (False, 0.03)])
def test_stacked_muon_takes_the_steps_of_torchs(monkeypatch, has_bf16, apart) -> None:
    """torch's, matrix by matrix, is the oracle; shapes lie, stand and are square."""
    monkeypatch.setattr("crosslingual.muon.has_bf16", lambda _: has_bf16)
    shapes = [(6, 10), (10, 6), (8, 8), (6, 10), (8, 8)]
    random = torch.Generator().manual_seed(0)
    start = [torch.randn(shape, generator=random) for shape in shapes]
    ends = []
    for kind in (StackedMuon, torch.optim.Muon):
        matrices = [torch.nn.Parameter(matrix.clone()) for matrix in start]
        groups = [
            {"params": [matrix], "lr": 0.01 * (i + 1), "weight_decay": 0.1 * i}
            for i, matrix in enumerate(matrices)
        ]
        optimiser = kind(groups, adjust_lr_fn="match_rms_adamw")
        draws = torch.Generator().manual_seed(1)
        for _ in range(4):
            for matrix in matrices:
                matrix.grad = torch.randn(matrix.shape, generator=draws)
            optimiser.step()
        ends.append([matrix.detach() for matrix in matrices])
    for before, ours, theirs in zip(start, *ends, strict=True):
        moved = (theirs - before).norm()
        assert float(moved) > 0.02
        assert float((ours - theirs).norm() / moved) < apart  # torch's products are in bf16


def test_steps_of_muon_are_nearly_orthogonal() -> None:
    """Newton and Schulz's iteration against the singular value decomposition."""
    stack = torch.randn(3, 20, 50, generator=torch.Generator().manual_seed(0))
    found = orthogonal(stack, (3.4445, -4.775, 2.0315), 5, 1e-7).float()
    values = torch.linalg.svdvals(found)
    assert ((values > 0.6) & (values < 1.3)).all()
    u, _, v = torch.linalg.svd(stack, full_matrices=False)
    likeness = torch.nn.functional.cosine_similarity((u @ v).flatten(1), found.flatten(1))
    assert (likeness > 0.97).all()


@pytest.mark.parametrize("has_bf16", [True, False])
def test_pre_training_imitates_no_bf16(
    toy_corpus, toy_spiece, tmp_path, monkeypatch, has_bf16
) -> None:
    """A processor without it took twenty times as long (benchmarks/precision.py)."""
    monkeypatch.setattr("crosslingual.devices.has_bf16", lambda _: has_bf16)
    monkeypatch.setattr("crosslingual.muon.has_bf16", lambda _: has_bf16)
    kinds = set()

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            result = func(*args, **(kwargs or {}))
            if func.overloadpacket.__name__ in ("mm", "bmm", "addmm", "baddbmm"):
                kinds.add(result.dtype)
            return result

    with Watch():
        _toy_run(toy_corpus, toy_spiece, tmp_path, steps=2)
    assert (torch.bfloat16 in kinds) == has_bf16
    assert has_bf16 or kinds == {torch.float32}


def test_batches_made_ahead_are_the_same(toy_spiece) -> None:
    tokenizer = as_transformers(toy_spiece)
    packed = {"en": np.arange(200, 5000, dtype=np.uint16)}
    batches = Batches(packed, tokenizer, PretrainConfig(batch=4, raw_length=100, copying=0.5))
    ahead = list(feed(batches, range(3, 9), workers=2))
    assert len(ahead) == 6
    for one, other in zip(ahead, feed(batches, range(3, 9)), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_snapshots_are_the_weights_of_their_step(toy_corpus, toy_spiece, tmp_path) -> None:
    _toy_run(toy_corpus, toy_spiece, tmp_path / "long", 8, snapshots=(3, 8))
    kept = {
        step: torch.load(tmp_path / "long" / "snapshots" / f"{step:06}.pt", weights_only=True)
        for step in (3, 8)
    }
    last = torch.load(tmp_path / "long" / "checkpoint.pt", weights_only=True)
    assert [kept[step]["step"] for step in (3, 8)] == [3, 8]
    assert all(torch.equal(v, kept[8]["model"][k]) for k, v in last["model"].items())
    assert not torch.equal(kept[3]["model"]["shared.weight"], kept[8]["model"]["shared.weight"])


def test_a_device_that_is_not_there_is_named(toy_corpus, toy_spiece, tmp_path) -> None:
    with pytest.raises(UnknownNameError, match="cuda"):
        _toy_run(toy_corpus, toy_spiece, tmp_path, 1, device="gpu")
    if not torch.cuda.is_available():
        with pytest.raises(ConfigError, match="no GPU"):
            _toy_run(toy_corpus, toy_spiece, tmp_path, 1, device="cuda")
    assert not (tmp_path / "tokens").exists()  # it is told before any work


def test_pretraining_learns_and_ships(toy_corpus, toy_spiece, tmp_path) -> None:
    from crosslingual.models import load_model

    provenance = _toy_run(toy_corpus, toy_spiece, tmp_path, 60)
    curve = loss_curve(tmp_path)
    assert curve["loss"].iloc[-1] < curve["loss"].iloc[0] - 0.5
    assert provenance["tokens_seen"] == 60 * 8 * 32
    assert set(provenance["held_out_loss"]) == {"en", "ru"}
    assert json.loads((tmp_path / "provenance.json").read_text())["corpus_tokens"]
    loaded = load_model(str(tmp_path / "model"))
    assert loaded.parameters == provenance["parameters"]
    assert (tmp_path / "model" / "model.safetensors").exists()


def test_resumed_pretraining_ends_with_the_same_weights(toy_corpus, toy_spiece, tmp_path) -> None:
    from safetensors.torch import load_file

    _toy_run(toy_corpus, toy_spiece, tmp_path / "once", 8)
    # Stopped after step 4 (by a failing step), then run again.
    steps = iter(range(4))

    class StopError(Exception):
        pass

    import crosslingual.pretraining as module

    original = module.Batches.train

    def stopping(self, step):
        if next(steps, None) is None:
            raise StopError
        return original(self, step)

    module.Batches.train = stopping
    try:
        with pytest.raises(StopError):
            _toy_run(toy_corpus, toy_spiece, tmp_path / "twice", 8)
    finally:
        module.Batches.train = original
    _toy_run(toy_corpus, toy_spiece, tmp_path / "twice", 8)
    a = load_file(tmp_path / "once" / "model" / "model.safetensors")
    b = load_file(tmp_path / "twice" / "model" / "model.safetensors")
    assert all(torch.equal(a[k], b[k]) for k in a)


def test_other_settings_do_not_resume(toy_corpus, toy_spiece, tmp_path) -> None:
    _toy_run(toy_corpus, toy_spiece, tmp_path, 4)
    with pytest.raises(ConfigError, match="other settings"):
        pretrain(
            toy_corpus,
            tmp_path,
            as_transformers(toy_spiece),
            Architecture(32, 48, 1, 1, 2, 16),
            PretrainConfig(steps=4, batch=9, raw_length=32),
            compile_model=False,
        )


def test_a_start_is_a_finished_run_of_the_same_shape(toy_corpus, toy_spiece, tmp_path) -> None:
    first, then = tmp_path / "first", tmp_path / "then"
    _toy_run(toy_corpus, toy_spiece, first, 4)
    begun = _toy_run(toy_corpus, toy_spiece, then, 1, start=first)
    assert begun["earlier"] == json.loads((first / "provenance.json").read_text())
    with pytest.raises(ConfigError, match=r"shape \(d_model: 32 there, 16 here"):
        pretrain(
            toy_corpus, tmp_path / "other", as_transformers(toy_spiece),
            Architecture(16, 48, 1, 1, 2, 16), compile_model=False, start=first,
        )  # fmt: skip
    for broken, said in (("checkpoint.pt", "checkpoint"), ("provenance.json", "no valid JSON")):
        copy = tmp_path / f"without {broken}"
        shutil.copytree(first, copy)
        (copy / broken).write_text("{half")
        with pytest.raises(ConfigError, match=said):
            _toy_run(toy_corpus, toy_spiece, tmp_path / "next", 1, start=copy)
        (copy / broken).unlink()  # an unfinished run has no provenance: told before any training
        with pytest.raises(ConfigError, match=broken):
            _toy_run(toy_corpus, toy_spiece, tmp_path / "next", 1, start=copy)


def test_tokens_of_another_corpus_are_not_taken(toy_corpus, toy_spiece, tmp_path) -> None:
    corpus, out = tmp_path / "corpus", tmp_path / "out"
    shutil.copytree(toy_corpus, corpus)
    _toy_run(corpus, toy_spiece, out, 2)
    _toy_run(corpus, toy_spiece, out, 2)  # the same again
    (corpus / "xx.txt").write_text("один два три\n" * 200, "utf-8")
    with pytest.raises(ConfigError, match="of other languages"):
        _toy_run(corpus, toy_spiece, out, 2)
    (corpus / "xx.txt").unlink()
    fewer = train_vocabulary(corpus, 400)
    with pytest.raises(CorpusError, match="another vocabulary"):
        pack(corpus, as_transformers(fewer), out / "tokens")
    name = next(iter(corpus_files(corpus)))
    (corpus / f"{name}.txt").write_text("other text\n" * 200, "utf-8")
    with pytest.raises(CorpusError, match=rf"other text or another vocabulary \({name}\)"):
        _toy_run(corpus, toy_spiece, out, 2)
    note = out / "tokens" / "made_of.json"
    note.write_text("{half")
    with pytest.raises(CorpusError, match=r"made_of\.json.* is no valid JSON"):
        _toy_run(corpus, toy_spiece, out, 2)
    note.unlink()  # tokens that came without their text
    _toy_run(corpus, toy_spiece, out, 2)
    (corpus / f"{name}.txt.gz").touch()
    with pytest.raises(CorpusError, match="keep one file a language"):
        corpus_files(corpus)


def test_spectral_norms_stay_bounded(toy_corpus, toy_spiece, tmp_path) -> None:
    """The bound of the recipe: no matrix grows past what it started with."""
    from safetensors.torch import load_file

    _toy_run(toy_corpus, toy_spiece, tmp_path, 60)
    trained = load_file(tmp_path / "model" / "model.safetensors")
    fresh = new_model(Architecture(32, 48, 1, 1, 2, 16), 560, seed=0).state_dict()
    for name, weight in trained.items():
        if weight.ndim == 2 and "shared" not in name and "bias" not in name:
            bound = fresh[name].std() * sum(math.sqrt(n) for n in weight.shape)
            largest = torch.linalg.matrix_norm(weight.float(), 2)
            started = torch.linalg.matrix_norm(fresh[name], 2)
            assert largest <= 1.05 * max(bound, started), name


def test_too_large_a_vocabulary_is_a_named_error(toy_corpus) -> None:
    with pytest.raises(CorpusError, match="more text"):
        train_vocabulary(toy_corpus, vocab_size=9000)


def test_broken_corpora(tmp_path) -> None:
    with pytest.raises(CorpusError, match="does not exist"):
        corpus_files(tmp_path / "no")
    with pytest.raises(CorpusError, match="holds no"):
        corpus_files(tmp_path)
    (tmp_path / "en.txt.xz").write_bytes(b"not compressed")
    with pytest.raises(CorpusError, match="cannot be read"):
        list(read_paragraphs(tmp_path / "en.txt.xz"))


@settings(max_examples=20)
@given(st.dictionaries(st.text(max_size=3), st.floats(max_value=0), min_size=1))
def test_sizes_must_be_positive(sizes: dict[str, float]) -> None:
    with pytest.raises(CorpusError):
        language_shares(sizes)
