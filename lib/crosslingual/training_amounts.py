"""What the numbers of training examples mean for a study: too few of them, or unlike ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .study_config import StudyConfig

__all__ = ["too_few", "uneven"]

UNEVEN = 1.5  # times as many training examples in one source as in another: told


def too_few(study: StudyConfig, sizes: Mapping[tuple[str, str, str], float]) -> list[str]:
    """Numbers of target examples that are more than a target has."""
    lines = []
    for task in study.tasks:
        for shots in study.shots:
            few = [
                f"{target} ({sizes[task, target, 'train']:.0f})"
                for target in study.targets_of(task)
                if sizes.get((task, target, "train"), math.inf) < shots
            ]
            if few:
                lines.append(
                    f"{task}: {shots} target examples are more than the training examples of "
                    f"{', '.join(few)}; these cells would fail. Lower shots, or leave the targets "
                    "out."
                )
    return lines


def uneven(study: StudyConfig, sizes: Mapping[tuple[str, str, str], float]) -> list[str]:
    """Sources that would teach more because there is more of them."""
    lines = []
    for task in study.tasks:
        known = {
            s: sizes[task, s, "train"]
            for s in study.sources_of(task)
            if (task, s, "train") in sizes
        }
        used = {s: min(n, study.train_limit or math.inf) for s, n in known.items()}
        if used and max(used.values()) > UNEVEN * min(used.values()):
            least, most = min(used, key=used.__getitem__), max(used, key=used.__getitem__)
            lines.append(
                f"{task}: sources have from {used[least]:,.0f} ({least}) to {used[most]:,.0f} "
                f"({most}) training examples, and one with more teaches more: train_limit: "
                f"{used[least]:.0f} makes them equal."
            )
    return lines
