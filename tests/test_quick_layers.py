"""Layers that do the same in fewer steps."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare
from torch.testing import assert_close

from crosslingual import TrainSettings
from crosslingual.losses import states
from crosslingual.models import Loaded
from crosslingual.pretraining import Architecture, new_model
from crosslingual.quick_layers import QuickDropout, QuickFeedForward, quicken
from crosslingual.trainable import trainable_copy


def mt5() -> torch.nn.Module:
    torch.manual_seed(0)
    return new_model(Architecture(96, 200, 2, 2, 3, 40), 500)


def test_results_and_gradients_are_those_of_transformers() -> None:
    """Oracle: the model as transformers writes it."""
    theirs, ours = mt5().eval(), mt5().eval()
    quicken(ours, dropout=True)
    kinds = [type(module) for module in ours.modules()]
    assert kinds.count(QuickFeedForward) == 4
    assert torch.nn.Dropout not in kinds
    assert list(ours.state_dict()) == list(theirs.state_dict())
    inputs, labels = torch.randint(3, 500, (4, 21)), torch.randint(3, 500, (4, 7))
    found = [states(model, inputs, torch.ones_like(inputs), labels) for model in (theirs, ours)]
    assert_close(found[1], found[0])
    for value in found:
        value.square().sum().backward()
    for (name, weight), other in zip(theirs.named_parameters(), ours.parameters(), strict=True):
        if weight.grad is not None:
            assert_close(other.grad, weight.grad, msg=name)


def test_another_activation_is_left_alone() -> None:
    raw = mt5()
    layer = raw.encoder.block[0].layer[1].DenseReluDense
    layer.act = torch.nn.ReLU()
    quicken(raw, dropout=False)
    kinds = [type(module) for module in raw.modules()]
    assert type(layer) is not QuickFeedForward
    assert kinds.count(QuickFeedForward) == 3
    assert QuickDropout not in kinds


@pytest.mark.parametrize("compiled", [False, True])
def test_fine_tuning_uses_them(compiled) -> None:
    settings = TrainSettings(dropout=0.2, compile=compiled)
    model = trainable_copy(Loaded("m", mt5(), None), settings)
    drops = [module for module in model.modules() if isinstance(module, torch.nn.Dropout)]
    assert {module.p for module in drops} == {0.2}
    assert {type(module) is QuickDropout for module in drops} == {not compiled}


@pytest.mark.parametrize("p", [0.03, 0.1, 0.5])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_each_element_is_dropped_as_often_as_asked(p, dtype) -> None:
    """Counts of what is dropped together, among four elements of one draw, are binomial."""
    torch.manual_seed(1)
    draws = 200_000
    out = QuickDropout(p)(torch.ones(4 * draws, dtype=dtype))
    kept = out[out != 0]
    assert kept.unique().tolist() == [torch.tensor(1 / (1 - p), dtype=dtype).item()]
    together = (out == 0).view(draws, 4).numpy()
    patterns = np.bincount(together @ [1, 2, 4, 8], minlength=16)
    size = np.array([code.bit_count() for code in range(16)])
    expected = draws * p**size * (1 - p) ** (4 - size)
    enough = expected > 5
    seen = [*patterns[enough], patterns[~enough].sum()]
    foreseen = [*expected[enough], expected[~enough].sum()]
    some = np.array(foreseen) > 0
    assert chisquare(np.array(seen)[some], np.array(foreseen)[some]).pvalue > 1e-3


@given(st.lists(st.integers(0, 5), max_size=3), st.floats(0, 1), st.integers(0, 99))
def test_dropout_of_any_shape(shape, p, seed) -> None:
    drop = QuickDropout(p)
    given = torch.rand(shape) + 1
    given.requires_grad_()
    torch.manual_seed(seed)
    out = drop(given)
    assert out.shape == given.shape
    torch.manual_seed(seed)
    assert torch.equal(drop(given), out)
    out.sum().backward()
    assert_close(given.grad * given, out)  # what is dropped has no gradient
    assert torch.equal(drop.eval()(given), given)
