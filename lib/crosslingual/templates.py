"""Sentence templates of Home Assistant: reading, splitting, sampling.

The PyPI package ``home-assistant-intents`` (CC BY 4.0) ships voice commands in about
65 languages as templates, written by native contributors; ``hassil`` parses them. Its
own sampler enumerates; the one here draws at random.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from .errors import DataError, UnknownLanguageError
from .languages import find_language

__all__ = ["INTENTS", "SPLITS", "Command", "Slot", "commands", "lexicon", "package_languages"]

VERSION = 1  # raise it when what is sampled changes
SPLITS = ("train", "dev", "test")
PER_INTENT = {"train": 40, "dev": 8, "test": 12}

INTENTS = {
    "HassCancelTimer": "cancel timer",
    "HassClimateGetTemperature": "get temperature",
    "HassClimateSetTemperature": "set temperature",
    "HassGetState": "get state",
    "HassGetWeather": "get weather",
    "HassLightSet": "set light",
    "HassMediaNext": "next track",
    "HassMediaPause": "pause media",
    "HassMediaUnpause": "resume media",
    "HassShoppingListAddItem": "add item",
    "HassStartTimer": "start timer",
    "HassTimerStatus": "timer status",
    "HassTurnOff": "turn off",
    "HassTurnOn": "turn on",
}
"""Intents of the package used here -> label: those with templates in all ten default
languages (and in French, Portuguese, Greek) and more than a handful of sentences each."""

_FILLERS = {
    "area": "areas",
    "name": "names",
    "floor": "floors",
    "shopping_list_item": "items",
    "todo_list_item": "items",
    "timer_name": "items",
}
_SLOT_NAMES = {"start_hours": "hours", "start_minutes": "minutes", "start_seconds": "seconds"}
_SHARES = {"train": 0.6, "dev": 0.15, "test": 0.25}
_FILE_NAMES = {"zho": "zh-CN", "srp": "sr"}
_FEW_TEMPLATES = 8


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


# A prepared template is a tree of tuples:
# ("text", str) | ("seq", nodes) | ("alt", nodes) | ("slot", slot name, kind, options)
Node = tuple[Any, ...]


def package_languages() -> dict[str, str]:
    """Languages that the templates package has: ISO 639-3 code -> file name."""
    found: dict[str, str] = {}
    for entry in sorted((files("home_assistant_intents") / "data").iterdir(), key=str):
        name = entry.name.removesuffix(".json")
        if name in _FILE_NAMES.values() or "-" not in name:
            try:
                code = find_language(name).code
            except UnknownLanguageError:
                continue
            if _FILE_NAMES.get(code, name) == name:
                found[code] = name
    return found


@cache
def lexicon(path: str | None = None) -> dict[str, dict[str, tuple[str, ...]]]:
    """The words for rooms, floors, devices and shopping items.

    Parameters
    ----------
    path : str, optional
        A YAML file of the shape of ``data/lexicon.yaml`` for further languages.

    Returns
    -------
    dict
        List name -> ISO 639-3 code -> words, aligned over languages.
    """
    import yaml

    here = files("crosslingual") / "data" / "lexicon.yaml"
    text = Path(path).read_text("utf-8") if path else here.read_text("utf-8")
    table = yaml.safe_load(text)
    return {
        kind: {
            find_language(code).code: tuple(word.strip() for word in words.split(","))
            for code, words in by_language.items()
        }
        for kind, by_language in table.items()
    }


def _words(kind: str, language: str, split: str) -> tuple[str, ...]:
    """Words of one split; the same positions, so the same concepts, in every language."""
    by_language = lexicon()[kind]
    if language not in by_language:
        raise UnknownLanguageError(
            language,
            by_language,
            "The lexicon lacks it: add its words to a copy of data/lexicon.yaml.",
        )
    words = by_language[language]
    order = np.random.default_rng([VERSION, zlib.crc32(kind.encode())]).permutation(len(words))
    first = max(1, round(_SHARES["train"] * len(words)))
    second = first + max(1, round(_SHARES["dev"] * len(words)))
    part = {"train": order[:first], "dev": order[first:second], "test": order[second:]}[split]
    return tuple(words[i] for i in sorted(part))


@lru_cache(maxsize=32)
def _package_data(language: str) -> dict[str, Any]:
    available = package_languages()
    if language not in available:
        raise UnknownLanguageError(language, available, "home-assistant-intents lacks it.")
    path = files("home_assistant_intents") / "data" / f"{available[language]}.json"
    data: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return data


class _Preparer:
    """Turns hassil's parse trees into trees of tuples with all rules written out."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.lists = data["lists"]
        self.rules = data["expansion_rules"]

    def template(self, text: str, rules: dict[str, str]) -> Node | None:
        from hassil.parse_expression import parse_sentence

        return self._node(parse_sentence(text).expression, {**self.rules, **rules}, 0)

    def _node(self, e: Any, rules: dict[str, str], depth: int) -> Node | None:
        from hassil import expression as hassil
        from hassil.parse_expression import parse_sentence

        if depth > 30:
            return None
        if isinstance(e, hassil.TextChunk):
            return ("text", e.original_text)
        if isinstance(e, hassil.RuleReference):
            if e.rule_name not in rules:
                return None
            return self._node(parse_sentence(rules[e.rule_name]).expression, rules, depth + 1)
        if isinstance(e, hassil.ListReference):
            return self._slot(e.list_name, e.slot_name, rules, depth)
        nodes = [self._node(item, rules, depth + 1) for item in e.items]
        usable = tuple(node for node in nodes if node is not None)
        if isinstance(e, hassil.Alternative):
            return ("alt", usable) if usable else None
        # A sequence needs all of its parts; a permutation is taken in its first order.
        return ("seq", usable) if len(usable) == len(nodes) else None

    def _slot(self, name: str, slot: str, rules: dict[str, str], depth: int) -> Node | None:
        from hassil.parse_expression import parse_sentence

        slot = _SLOT_NAMES.get(slot, slot)
        filler = _FILLERS.get("area" if slot == "area" else name)
        if filler:
            return ("slot", slot, "lexicon", filler)
        spec = self.lists.get(name, {})
        if "range" in spec:
            first, last = int(spec["range"]["from"]), int(spec["range"]["to"])
            return ("slot", slot, "number", (max(1, first), last, spec["range"].get("step", 1)))
        if "values" in spec:
            options = []
            for value in spec["values"]:
                text, out = (
                    (value, value) if isinstance(value, str) else (value["in"], value["out"])
                )
                node = self._node(parse_sentence(text).expression, rules, depth + 1)
                if node is not None:
                    options.append((node, str(out)))
            return ("slot", slot, "list", tuple(options)) if options else None
        return None  # filled with free text at run time: nothing to draw from


def _open(node: Node) -> list[Node]:
    """Write the widest choice of a template out as several templates."""
    if node[0] == "alt":
        return list(node[1]) if len(node[1]) > 1 else _open(node[1][0])
    if node[0] != "seq":
        return [node]
    parts = node[1]
    widths = [len(part[1]) if part[0] == "alt" else 1 for part in parts]
    at = int(np.argmax(widths))
    if widths[at] == 1:  # no choice at this level: look one level down
        deeper = [i for i, part in enumerate(parts) if part[0] in ("seq", "alt")]
        at = next((i for i in deeper if len(_open(parts[i])) > 1), -1)
        if at < 0:
            return [node]
    return [("seq", (*parts[:at], choice, *parts[at + 1 :])) for choice in _open(parts[at])]


@lru_cache(maxsize=32)
def _templates(language: str) -> dict[str, dict[str, list[tuple[str, Node]]]]:
    """Intent -> split -> (template name, prepared template).

    Alternatives make one line of the package several templates. Where an intent has
    fewer than eight lines its widest alternatives are written out, so that wordings can
    be kept apart between the splits. An intent with fewer than three is left out.
    """
    data = _package_data(language)
    preparer = _Preparer(data)
    result: dict[str, dict[str, list[tuple[str, Node]]]] = {}
    for intent, label in INTENTS.items():
        nodes: list[tuple[str, Node]] = []
        for b, block in enumerate(data["intents"].get(intent, {}).get("data", [])):
            for s, sentence in enumerate(block["sentences"]):
                node = preparer.template(sentence, block.get("expansion_rules", {}))
                if node is not None:
                    nodes.append((f"{label}/{b}.{s}", node))
        while 0 < len(nodes) < _FEW_TEMPLATES:
            opened = [(f"{n}.{i}", o) for n, node in nodes for i, o in enumerate(_open(node))]
            if len(opened) == len(nodes):
                break
            nodes = opened
        if len(nodes) < len(SPLITS):
            continue
        random = np.random.default_rng([VERSION, zlib.crc32(f"{language}/{intent}".encode())])
        order = random.permutation(len(nodes))
        dev = max(1, round(_SHARES["dev"] * len(nodes)))
        test = max(1, round(_SHARES["test"] * len(nodes)))
        cut = {"dev": order[:dev], "test": order[dev : dev + test], "train": order[dev + test :]}
        result[label] = {split: [nodes[i] for i in sorted(cut[split])] for split in SPLITS}
    if 2 * len(result) < len(INTENTS):
        raise DataError(
            f"{language} has enough templates for {len(result)} of {len(INTENTS)} intents "
            f"only ({', '.join(result) or 'none'}). Leave the language out."
        )
    return result


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
            value = self.pick(_words(options, self.language, self.split))
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


def spell_number(number: int, language: str) -> str:
    """A number in words where num2words knows the language, in digits otherwise."""
    from num2words import num2words

    try:
        words = num2words(number, lang=find_language(language).short)
    except NotImplementedError:
        return str(number)
    return str(words).replace(",", "")


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
    for label, by_split in _templates(language).items():
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
