"""Sentence templates of Home Assistant: reading them, and splitting them.

The PyPI package ``home-assistant-intents`` (CC BY 4.0) ships voice commands in about
65 languages as templates, written by native contributors; ``hassil`` parses them. Its
own sampler enumerates; `crosslingual.commands` draws at random.
"""

from __future__ import annotations

import json
import zlib
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np

from .errors import DataError, UnknownLanguageError
from .languages import find_language
from .lexicon import SHARES, VERSION

__all__ = ["INTENTS", "SPLITS", "Node", "enough_templates", "package_languages", "templates"]

SPLITS = ("train", "dev", "test")

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
_FILE_NAMES = {"zho": "zh-CN", "srp": "sr"}
_FEW_TEMPLATES = 8


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


@lru_cache(maxsize=32)
def _package_data(language: str) -> dict[str, Any]:
    available = package_languages()
    if language not in available:
        raise UnknownLanguageError(language, available, "home-assistant-intents lacks it.")
    path = files("home_assistant_intents") / "data" / f"{available[language]}.json"
    data: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return data


def enough_templates(language: str) -> bool:
    """Whether the package has templates for at least half of the intents used here.

    Parameters
    ----------
    language : str
        ISO 639-3.

    Raises
    ------
    UnknownLanguageError
        If the language is unknown.
    """
    if language not in package_languages():
        return False
    found = _package_data(language)["intents"]
    filled = [
        intent
        for intent in INTENTS
        if sum(len(block["sentences"]) for block in found.get(intent, {}).get("data", []))
        >= len(SPLITS)
    ]
    return 2 * len(filled) >= len(INTENTS)


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
def templates(language: str) -> dict[str, dict[str, list[tuple[str, Node]]]]:
    """Intent -> split -> (template name, prepared template).

    Alternatives make one line of the package several templates. Where an intent has
    fewer than eight lines its widest alternatives are written out, so that wordings can
    be kept apart between the splits. An intent with fewer than three is left out.

    Raises
    ------
    UnknownLanguageError
        If the package lacks the language.
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
        dev = max(1, round(SHARES["dev"] * len(nodes)))
        test = max(1, round(SHARES["test"] * len(nodes)))
        cut = {"dev": order[:dev], "test": order[dev : dev + test], "train": order[dev + test :]}
        result[label] = {split: [nodes[i] for i in sorted(cut[split])] for split in SPLITS}
    if 2 * len(result) < len(INTENTS):
        raise DataError(
            f"{language} has enough templates for {len(result)} of {len(INTENTS)} intents "
            f"only ({', '.join(result) or 'none'}). Leave the language out."
        )
    return result
