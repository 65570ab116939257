"""Fine-tuning learns, chooses on development data, repeats; evaluation counts what it says."""

import numpy as np
import pytest
import torch

from crosslingual import Example, TrainSettings, evaluate, fine_tune, get_task
from crosslingual.batching import bucketed
from crosslingual.errors import ConfigError, DataError
from crosslingual.evaluation import generate, judge
from crosslingual.label_scoring import _choices, _prefixes, score_labels
from crosslingual.tasks import Task

ROWS = [("red lamp", "warm"), ("blue lamp", "cold"), ("red room", "warm"), ("blue room", "cold")]
EXAMPLES = [Example(text, target, "eng") for text, target in ROWS]
COLOURS = Task(
    "colours",
    "classification",
    lambda language, split: EXAMPLES,
    lambda: ["eng"],
    ("accuracy",),
    lambda output: output in ("warm", "cold"),
    labels=("warm", "cold"),
    max_output=6,
)
SETTINGS = TrainSettings(epochs=40, batch=4, lr=0.03, dropout=0.0, precision="fp32")


@pytest.fixture(scope="module")
def tuned(tiny):
    return fine_tune(tiny, EXAMPLES, EXAMPLES, SETTINGS)


def test_it_learns_and_leaves_the_original_alone(tiny, tuned) -> None:
    result = evaluate(tuned.loaded, EXAMPLES, COLOURS, precision="fp32")
    assert result.scores == {"accuracy": 1.0}
    assert (result.n, result.illegal) == (4, 0.0)
    assert evaluate(tiny, EXAMPLES, COLOURS, precision="fp32").illegal > 0
    losses = [h["dev_loss"] for h in tuned.history]
    assert tuned.best_epoch == 1 + int(np.argmin(losses))


def test_same_seed_same_weights_other_seed_others(tiny) -> None:
    few = TrainSettings(epochs=2, batch=2, lr=0.03, precision="fp32")

    def weights(seed: int) -> torch.Tensor:
        return fine_tune(tiny, EXAMPLES, EXAMPLES, few, seed).loaded.model.shared.weight

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


def test_the_best_epoch_is_kept(tiny) -> None:
    """With development targets that contradict training, the last epoch is not the best."""
    from crosslingual.batching import pad
    from crosslingual.losses import seq2seq_loss

    wrong = [Example(e.input, "cold" if e.target == "warm" else "warm", "eng") for e in EXAMPLES]
    settings = TrainSettings(epochs=60, batch=4, lr=0.1, dropout=0.0, precision="fp32")
    result = fine_tune(tiny, EXAMPLES, wrong, settings)
    losses = [h["dev_loss"] for h in result.history]
    assert min(losses) < losses[-1]
    encoded = [
        pad([tiny.tokenizer(getattr(e, side))["input_ids"] for e in wrong], fill)
        for side, fill in (("input", 0), ("target", -100))
    ]
    kept = float(seq2seq_loss(result.loaded.model, *encoded, pad_id=0))
    assert abs(kept - min(losses)) < 1e-4


def test_frozen_embeddings_stay(tiny) -> None:
    settings = TrainSettings(epochs=1, batch=2, freeze_embeddings=True, precision="fp32")
    result = fine_tune(tiny, EXAMPLES, EXAMPLES, settings)
    assert torch.equal(result.loaded.model.shared.weight, tiny.model.shared.weight)
    assert not torch.equal(
        result.loaded.model.encoder.block[0].layer[0].SelfAttention.v.weight,
        tiny.model.encoder.block[0].layer[0].SelfAttention.v.weight,
    )


def test_adafactor_learns_too(tiny) -> None:
    settings = TrainSettings(
        epochs=10, batch=4, lr=0.05, dropout=0.0, optimiser="adafactor", precision="fp32"
    )
    history = fine_tune(tiny, EXAMPLES, EXAMPLES, settings).history
    assert history[-1]["dev_loss"] < history[0]["dev_loss"]


def test_bf16_is_close_to_fp32(tiny) -> None:
    settings = {"epochs": 3, "batch": 4, "lr": 0.01, "dropout": 0.0}
    losses = [
        fine_tune(tiny, EXAMPLES, EXAMPLES, TrainSettings(**settings, precision=p)).history[-1]
        for p in ("fp32", "bf16")
    ]
    assert abs(losses[0]["dev_loss"] - losses[1]["dev_loss"]) < 0.1 * losses[0]["dev_loss"]


def test_label_scoring_is_the_brute_force_choice(tuned) -> None:
    labels = ["warm", "cold", "warm and cold"]  # shared prefixes: whole labels are compared
    chosen = score_labels(tuned.loaded, EXAMPLES, labels, precision="fp32")
    tokenizer, model = tuned.loaded.tokenizer, tuned.loaded.model
    for example, choice in zip(EXAMPLES, chosen, strict=True):
        sums = []
        inputs = torch.tensor([tokenizer(example.input)["input_ids"]])
        for label in labels:
            target = torch.tensor([tokenizer(label)["input_ids"]])
            with torch.inference_mode():
                logs = model(input_ids=inputs, labels=target).logits.log_softmax(-1)
            sums.append(float(logs[0, range(target.shape[1]), target[0]].sum()))
        assert choice == labels[int(np.argmax(sums))]


@pytest.mark.parametrize(
    ("ids", "prefixes", "served"),
    [
        ([(5, 1), (6, 1), (7, 8, 1)], [()], [0, 0, 0]),  # told apart by the first token
        ([(5, 1), (5, 6, 1), (7, 1)], [(5,)], [0, 0, 0]),  # one needs the second step too
        ([(5, 6, 1), (5, 7, 1), (8, 6, 1), (8, 7, 1)], [(5,), (8,)], [0, 0, 1, 1]),
        ([(5, 6, 7, 1), (5, 6, 8, 1), (5, 9, 1)], [(5, 6)], [0, 0, 0]),
    ],
)
def test_labels_that_begin_alike_share_a_pass(ids, prefixes, served) -> None:
    """Worked by hand: a label is read up to its last choice, a longer reading serves shorter."""
    assert _prefixes(ids, _choices(ids)[1]) == (prefixes, served)


def test_generation_keeps_the_order_of_the_examples(tuned) -> None:
    several = EXAMPLES * 3
    outputs = generate(tuned.loaded, several, batch=5, precision="fp32")
    assert outputs == [e.target for e in several]


def test_greedy_decoding_is_transformers(tiny, tuned) -> None:
    """Oracle: `model.generate`, on outputs of unequal length and on endless ones."""
    examples = get_task("intents").examples("de", "test")[:20] + EXAMPLES
    for loaded in (tuned.loaded, tiny):
        batch = loaded.tokenizer([e.input for e in examples], padding=True, return_tensors="pt")
        ids = loaded.model.generate(
            input_ids=batch["input_ids"],
            attention_mask=batch["attention_mask"],
            max_new_tokens=7,
            do_sample=False,
        )
        texts = loaded.tokenizer.batch_decode(ids, skip_special_tokens=True)
        ours = generate(loaded, examples, max_output=7, batch=len(examples), precision="fp32")
        assert ours == [text.strip() for text in texts]


def test_illegal_outputs_are_counted() -> None:
    result = judge(["warm", "hot", "", "cold"], EXAMPLES, COLOURS)
    assert result.illegal == 0.5
    assert result.scores["accuracy"] == 0.5


def test_buckets_hold_every_example_once() -> None:
    random = np.random.default_rng(0)
    lengths = random.integers(1, 40, 101).tolist()
    for generator in (None, random):
        batches = bucketed(lengths, 8, generator)
        assert sorted(i for b in batches for i in b) == list(range(101))
        assert max(map(len, batches)) == 8
    padded = sum(len(b) * max(lengths[i] for i in b) for b in bucketed(lengths, 8, random))
    assert padded < 1.35 * sum(lengths)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"precision": "fp16"}, "overflow"),
        ({"optimiser": "sgd"}, "adafactor, adamw"),
        ({"epochs": 0}, "at least 1"),
        ({"lr": -1.0}, "between"),
    ],
)
def test_settings_that_cannot_work(settings, message) -> None:
    with pytest.raises(ConfigError, match=message):
        TrainSettings(**settings)


def test_bad_calls(tiny) -> None:
    with pytest.raises(DataError, match="not 0 and 4"):
        fine_tune(tiny, [], EXAMPLES)
    with pytest.raises(DataError, match="empty"):
        generate(tiny, [])
    with pytest.raises(ConfigError, match="needs a task with labels"):
        evaluate(tiny, EXAMPLES, get_task("slots"), "labels")
    with pytest.raises(ConfigError, match="generate, labels"):
        evaluate(tiny, EXAMPLES, COLOURS, "beam")
