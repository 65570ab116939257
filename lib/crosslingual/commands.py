"""Voice commands: sampled at random from templates, with their analysis."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from .lexicon import VERSION, spell_number, split_words
from .templates import SPLITS, Node, templates

__all__ = ["Command", "Slot", "commands"]

PER_INTENT = {"train": 40, "dev": 8, "test": 12}


@dataclass(frozen=True)
class Slot:
    """A part of a command with a meaning.

    Attributes
    ----------
    name : str
        What it is: ``area``, ``color``, ``minutes`` ...
    text : str
        As written in the command.
    value : str
        Canonical, the same in every language (``red``, ``47``); for names and rooms,
        which have none, the text.
    start : int
        Offset of ``text`` in the command.
    source : str
        ``lexicon`` (rooms, devices ...), ``list`` (closed list) or ``number``.
    """

    name: str
    text: str
    value: str
    start: int
    source: str


@dataclass(frozen=True)
class Command:
    """One sampled voice command with its analysis; ``template`` names its origin."""

    language: str
    split: str
    intent: str
    template: str
    text: str
    slots: tuple[Slot, ...]


class _Draw:
    """Builds one sentence from a prepared template."""

    def __init__(self, language: str, split: str, random: np.random.Generator, spell: float):
        self.language, self.split, self.random, self.spell = language, split, random, spell
        self.text = ""
        self.slots: list[Slot] = []

    def add(self, text: str) -> None:
        for char in text:
            if char.isspace():
                if self.text and not self.text.endswith(" "):
                    self.text += " "
            else:
                self.text += char

    def pick(self, options: Any) -> Any:
        return options[int(self.random.integers(len(options)))]

    def walk(self, node: Node) -> None:
        if node[0] == "text":
            self.add(node[1])
        elif node[0] == "seq":
            for part in node[1]:
                self.walk(part)
        elif node[0] == "alt":
            self.walk(self.pick(node[1]))
        else:
            self.fill(*node[1:])

    def fill(self, slot: str, source: str, options: Any) -> None:
        start = len(self.text)
        if source == "lexicon":
            value = self.pick(split_words(options, self.language, self.split))
            self.add(value)
        elif source == "number":
            first, last, step = options
            number = int(self.random.choice(np.arange(first, last + 1, step)))
            value = str(number)
            spelt = self.random.random() < self.spell
            self.add(spell_number(number, self.language) if spelt else value)
        else:
            node, value = self.pick(options)
            self.walk(node)
        text = self.text[start:].strip()
        self.slots.append(Slot(slot, text, value, self.text.index(text, start), source))


@lru_cache(maxsize=128)
def commands(language: str, spell: float = 0.0, seed: int = 0) -> tuple[Command, ...]:
    """Sample the commands of a language, all splits.

    Templates and lexicon words of one split never occur in another, and no sentence
    occurs twice. The result depends on the arguments and the package's version alone.

    Parameters
    ----------
    language : str
        ISO 639-3 code.
    spell : float
        Probability that a number is written in words.
    seed : int
        Another one gives another sample from the same splits.

    Raises
    ------
    UnknownLanguageError
        If the package or the lexicon does not have it.
    """
    key = [VERSION, seed, zlib.crc32(language.encode()), round(1000 * spell)]
    random = np.random.default_rng(key)
    seen: set[str] = set()
    drawn: list[Command] = []
    for label, by_split in templates(language).items():
        for split in SPLITS:
            wanted = PER_INTENT[split]
            for _ in range(30 * wanted):
                if not wanted:
                    break
                name, node = by_split[split][int(random.integers(len(by_split[split])))]
                draw = _Draw(language, split, random, spell)
                draw.walk(node)
                text = draw.text.strip()
                if text and text not in seen:
                    seen.add(text)
                    slots = tuple(slot for slot in draw.slots if slot.text)
                    drawn.append(Command(language, split, label, name, text, slots))
                    wanted -= 1
    return tuple(drawn)
