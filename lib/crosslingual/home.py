"""The embedded laboratory: three tasks on voice commands for the home.

Made from the templates of ``home-assistant-intents`` (CC BY 4.0, The Home Assistant
Authors), a multilingual data set of the kind of MASSIVE (FitzGerald et al. 2023) and
MTOP (Li et al. 2021) that an ordinary package registry ships.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from functools import lru_cache

import numpy as np

from .commands import Command, commands
from .lexicon import VERSION, lexicon
from .spans import format_spans, parse_spans
from .tasks import Example, Task
from .templates import INTENTS, enough_templates

__all__ = ["ANSWERS", "HOME_TASKS", "INTENTS_TASK", "SLOTS"]

_LICENCE = "CC BY 4.0 (templates: The Home Assistant Authors; lexicon: this project)"
_CITATION = "homeassistant2026intents"
_SLOT_LABELS = (
    "area",
    "brightness",
    "color",
    "device_class",
    "domain",
    "floor",
    "hours",
    "item",
    "minutes",
    "name",
    "seconds",
    "state",
    "temperature",
)
# Questions are about what has a canonical value; rooms and devices have none.
_ASKED = (
    "brightness",
    "color",
    "device_class",
    "hours",
    "minutes",
    "seconds",
    "state",
    "temperature",
)
# Longer inputs and outputs take longer: with fewer examples the three tasks cost alike.
_SIZES = {"train": 280, "dev": 56, "test": 100}


def _languages() -> list[str]:
    return [code for code in sorted(lexicon()["areas"]) if enough_templates(code)]


@lru_cache(maxsize=256)
def _by_split(language: str, split: str, spell: float = 0.0) -> tuple[Command, ...]:
    return tuple(c for c in commands(language, spell) if c.split == split)


def _intents(language: str, split: str) -> list[Example]:
    return [Example(c.text, c.intent, language, c.template) for c in _by_split(language, split)]


def _slots(language: str, split: str) -> list[Example]:
    examples = []
    for command in _by_split(language, split):
        slots = [s for s in command.slots if s.name in _SLOT_LABELS]
        if slots:
            target = format_spans([(s.name, s.text) for s in slots])
            spans = tuple((s.name, s.start, s.start + len(s.text)) for s in slots)
            examples.append(Example(command.text, target, language, command.template, spans))
    chosen = np.random.default_rng(VERSION).permutation(len(examples))[: _SIZES[split]]
    return [examples[i] for i in sorted(chosen)]


@lru_cache(maxsize=256)
def _answers(language: str, split: str) -> tuple[Example, ...]:
    """Contexts of one to three commands and a question that only one of them answers."""
    key = f"answers/{language}/{split}"
    random = np.random.default_rng([VERSION, zlib.crc32(key.encode())])
    pool = _by_split(language, split, spell=0.5)
    about: dict[str, list[Command]] = defaultdict(list)
    for command in pool:
        for slot in command.slots:
            if slot.name in _ASKED:
                about[slot.name].append(command)
    asked = sorted(about)
    examples: dict[str, Example] = {}
    for _ in range(30 * _SIZES[split]):
        if len(examples) == _SIZES[split] or not asked:
            break
        question = asked[int(random.integers(len(asked)))]
        options = about[question]
        main = options[int(random.integers(len(options)))]
        values = [s.value for s in main.slots if s.name == question]
        chosen = [main]
        for _ in range(int(random.integers(3))):
            other = pool[int(random.integers(len(pool)))]
            if all(s.name != question for s in other.slots) and other not in chosen:
                chosen.append(other)
        if len(values) != 1:
            continue
        context = ". ".join(chosen[i].text for i in random.permutation(len(chosen)))
        text = f"question: {question} context: {context}"
        examples[text] = Example(text, values[0], language, main.template)
    return tuple(examples.values())


INTENTS_TASK = Task(
    name="intents",
    kind="classification",
    load=_intents,
    languages=_languages,
    metrics=("accuracy",),
    legal=lambda output: output.strip() in INTENTS.values(),
    labels=tuple(INTENTS.values()),
    max_output=8,
    casting="command -> intent in English words ('turn on')",
    licence=_LICENCE,
    citation=_CITATION,
    version=str(VERSION),
)
"""Sentence classification: which of 14 intents has a command?"""

SLOTS = Task(
    name="slots",
    kind="structured",
    load=_slots,
    languages=_languages,
    metrics=("span_f1",),
    legal=lambda output: (
        bool(parse_spans(output)) and all(name in _SLOT_LABELS for name, _ in parse_spans(output))
    ),
    max_output=40,
    casting="command -> 'label: span ; label: span', mT5's form of NER",
    licence=_LICENCE,
    citation=_CITATION,
    version=str(VERSION),
)
"""Structured prediction: which spans of a command name a room, a colour, a time ...?"""

ANSWERS = Task(
    name="answers",
    kind="answering",
    load=lambda language, split: list(_answers(language, split)),
    languages=_languages,
    metrics=("exact_match", "token_f1"),
    legal=lambda output: 0 < len(output.strip().split()) <= 3 and ":" not in output,
    max_output=8,
    casting="'question: <slot> context: <commands>' -> canonical value ('red', '47')",
    licence=_LICENCE,
    citation=_CITATION,
    version=str(VERSION),
)
"""Question answering: the canonical value of a slot, in a context of commands."""

HOME_TASKS = (INTENTS_TASK, SLOTS, ANSWERS)
