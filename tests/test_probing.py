import numpy as np
import pytest
import torch

from crosslingual.errors import DataError, UnknownNameError
from crosslingual.optimisers import pretraining_optimisers
from crosslingual.probing import effective_rank, encoder_health, linear_transfer, neighbours


def test_effective_rank_of_known_spectra() -> None:
    # Rows +-e_i: centred already, all singular values equal, rank = dimension.
    equal = torch.cat([torch.eye(7), -torch.eye(7)])
    assert effective_rank(equal) == pytest.approx(7)
    line = torch.linspace(-1, 1, 9)[:, None] * torch.ones(1, 5)
    assert effective_rank(line) == pytest.approx(1)
    # Squared singular values 2 and 2 * 9: entropy of (0.1, 0.9)
    two = torch.tensor([[1.0, 0], [-1, 0], [0, 3], [0, -3]])
    entropy = -(0.1 * torch.log(torch.tensor(0.1)) + 0.9 * torch.log(torch.tensor(0.9)))
    assert effective_rank(two) == pytest.approx(float(entropy.exp()))


def test_health_of_a_fresh_and_of_a_drowned_encoder(tiny) -> None:
    import copy

    texts = ["turn on the light", "включи свет", "打开灯", "what time is it"]
    fresh = encoder_health(tiny, texts)
    assert list(fresh["layer"]) == [0, 1]
    assert fresh["attention_top"].iloc[1:].between(0, 1).all()
    drowned = copy.deepcopy(tiny)
    with torch.no_grad():
        block = drowned.model.encoder.block[0].layer
        block[0].SelfAttention.q.weight.mul_(500)
        block[1].DenseReluDense.wo.weight.copy_(
            torch.ones_like(block[1].DenseReluDense.wo.weight) * 50
        )
    sick = encoder_health(drowned, texts)
    assert sick["effective_rank"].iloc[-1] < 0.5 * fresh["effective_rank"].iloc[-1]
    assert sick["attention_top"].iloc[-1] > fresh["attention_top"].iloc[-1]
    assert tiny.model.config._attn_implementation == "sdpa"


def test_bad_requests(tiny) -> None:
    with pytest.raises(DataError, match="empty"):
        encoder_health(tiny, [])
    with pytest.raises(UnknownNameError, match="bounded-muon"):
        pretraining_optimisers(tiny.model, "sgd", 0.1, 0.1)


def test_linear_transfer_by_hand() -> None:
    """Two topics along one axis: carried where the axis is the same, reversed where it is not."""
    states = np.array([[2.0, 0.1], [1, 0], [-1, 0.1], [-2, 0]])
    labels = ["a", "a", "b", "b"]
    turned = states[:, ::-1] * [1, -1]
    table = linear_transfer(
        {"one": (states, labels)},
        {"one": (states, labels), "same": (3 * states, labels), "flipped": (-states, labels),
         "across": (turned, labels)},
    ).set_index("target")["accuracy"]  # fmt: skip
    assert table["one"] == table["same"] == 1.0
    assert table["flipped"] == 0.0
    assert table["across"] < 1.0
    with pytest.raises(DataError, match="as many labels"):
        linear_transfer({"one": (states, labels[:2])}, {"one": (states, labels)})


def test_neighbours_of_planted_vectors(tiny) -> None:
    """Oracle: two pieces are given one direction, all others stay as they were."""
    import copy

    planted = copy.deepcopy(tiny)
    tokenizer, table = planted.tokenizer, planted.model.shared.weight
    names = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    whole = [
        i for i, n in enumerate(names) if n.startswith("\u2581") and n[1:].isalpha() and len(n) > 3
    ]
    words = [
        i for i in whole if tokenizer(names[i][1:], add_special_tokens=False)["input_ids"] == [i]
    ]
    first, second = words[:2]
    with torch.no_grad():
        table[second] = 3 * table[first]
    word = names[first][1:]
    found = neighbours(planted, [word], count=3)
    assert list(found["rank"]) == [1, 2, 3]
    assert found["neighbour"][0] == names[second][1:]
    assert found["cosine"][0] == pytest.approx(1, abs=1e-5)
    assert (found["pieces"] == 1).all()
    assert word not in set(found["neighbour"])
    with pytest.raises(DataError, match="no word"):
        neighbours(planted, [])
