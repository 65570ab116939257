"""Imports run one way, as CONTRIBUTING.md says."""

import ast
import re
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = {file.stem: file for file in (ROOT / "lib" / "crosslingual").glob("*.py")}


def imported(file: Path) -> set[str]:
    """Modules of the package that a file imports, at its head or later."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            found |= {node.module} if node.module else {name.name for name in node.names}
    return found & set(SOURCES)


GRAPH = {name: imported(file) for name, file in SOURCES.items() if name != "__init__"}


def layers() -> list[list[str]]:
    """Modules by layer, in the order in which CONTRIBUTING.md names them."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    told = text[text.index("Imports run one way:") : text.index("Importing `crosslingual`")]
    return [re.findall(r"`(\w+)`", part) for part in told.split("->")]


def reached(name: str) -> set[str]:
    """What a module imports, and what that imports."""
    found, new = set(), GRAPH[name]
    while new:
        found |= new
        new = set().union(*(GRAPH[other] for other in new)) - found
    return found


def test_no_circle() -> None:
    order = list(TopologicalSorter(GRAPH).static_order())
    assert order.index("languages") < order.index("tuning") < order.index("cli")


@pytest.mark.parametrize("depth", range(len(layers())))
def test_a_layer_needs_none_above(depth: int) -> None:
    above = {name for layer in layers()[depth + 1 :] for name in layer}
    assert layers()[depth]
    assert not {(name, other) for name in layers()[depth] for other in reached(name) & above}
