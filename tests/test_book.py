"""The book's sources, and every chapter run with tiny parameters."""

import ast
import importlib
import inspect
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import nbformat
import pytest
import yaml

import crosslingual
from crosslingual.cli import all_help

ROOT = Path(__file__).resolve().parent.parent
EXTRAS = ("book", "dev", "lora", "cluster")  # those that the book and the tests need
CHAPTERS = sorted((ROOT / "book" / "chapters").glob("*.ipynb"))


def _cells(path: Path, kind: str) -> list[dict]:
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == kind]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)
def test_sources_have_no_outputs_and_explain_every_parameter(path: Path) -> None:
    code = _cells(path, "code")
    names = [c["id"] for c in code + _cells(path, "markdown")]
    assert len(names) == len(set(names))
    assert all(not c["outputs"] and c["execution_count"] is None for c in code)
    (parameters,) = [c for c in code if "parameters" in c["metadata"].get("tags", [])]
    for line in "".join(parameters["source"]).splitlines():
        assert re.match(r"\w+ = .+  # .+", line), line
    assert all(len("".join(c["source"]).splitlines()) <= 25 for c in code)


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)
def test_chapters_have_their_parts(path: Path) -> None:
    text = "\n".join("".join(c["source"]) for c in _cells(path, "markdown"))
    for part in ("What you will learn", "prerequisite", "Time to run", "## Key points",
                 "## Exercises", "{dropdown} Solution", "## References"):  # fmt: skip
        assert part in text, part


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)
def test_every_figure_has_caption_and_alt_text(path: Path) -> None:
    for cell in _cells(path, "code"):
        if "figure = plot" in "".join(cell["source"]):
            book = cell["metadata"]["mystnb"]
            assert len(book["figure"]["caption"]) > 30
            assert len(book["image"]["alt"]) > 30


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)
def test_a_captioned_cell_shows_nothing_beside_its_figure(path: Path) -> None:
    # A second output would be given the same caption and name, and Sphinx stops there.
    for cell in _cells(path, "code"):
        if "figure" in cell["metadata"].get("mystnb", {}):
            last = ast.parse("".join(cell["source"])).body[-1]
            assert not isinstance(last, ast.Expr), ast.unparse(last)


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem)
def test_what_is_glued_as_markdown_is_not_shown_as_text(path: Path) -> None:
    text = "\n".join("".join(c["source"]) for k in ("code", "markdown") for c in _cells(path, k))
    rich = set(re.findall(r'glue\(\s*"(\w+)",\s*Markdown', text))
    assert not rich & set(re.findall(r"\{glue:text\}`(\w+)`", text))


def test_toc_names_every_chapter() -> None:
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    named = {Path(entry["file"]).stem for entry in toc["chapters"]}
    assert {path.stem for path in CHAPTERS} <= named


def test_preface_lists_every_chapter_in_order() -> None:
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    files = [Path(c["file"]).name for c in toc["chapters"]]
    preface = (ROOT / "book" / "preface.md").read_text("utf-8")
    listed = re.findall(r"^\| \[.*\]\(chapters/(.*)\.ipynb\)", preface, flags=re.MULTILINE)
    assert listed == [name for name in files if name not in ("reference", "bibliography")]


REFERENCE = (ROOT / "book" / "reference.md").read_text("utf-8")
ENTRY = re.compile(r"^\.\. auto(\w+):: (crosslingual\.[\w.]+)$", flags=re.MULTILINE)


def _referred() -> dict[str, object]:
    """Functions and classes of the reference, by name."""
    found: dict[str, object] = {}
    for kind, name in ENTRY.findall(REFERENCE):
        home = importlib.import_module(name if kind == "module" else name.rpartition(".")[0])
        names = home.__all__ if kind == "module" else [name.rpartition(".")[2]]
        found |= {f"{home.__name__}.{each}": getattr(home, each) for each in names}
    return found


@pytest.mark.parametrize("name", [name for name, it in _referred().items() if callable(it)])
def test_reference_says_what_every_parameter_is(name: str) -> None:
    """Each argument of a function and each field of a result stands in its docstring."""
    it: Any = _referred()[name]
    if isinstance(it, type) and issubclass(it, Exception):
        return
    told = inspect.cleandoc(it.__doc__)
    given = getattr(it, "__dataclass_fields__", None) or inspect.signature(it).parameters
    heads = re.findall(r"^([\w*, ]+?)(?: :.*)?$", told, flags=re.MULTILINE)
    named = {word.strip(" *") for head in heads for word in head.split(",")}
    assert {each for each in given if not each.startswith("_")} <= named


def test_reference_has_every_public_name_and_command() -> None:
    """What can be had from the package is in the reference, and what is there can be imported."""
    named = ENTRY.findall(REFERENCE)
    assert len(named) == len(set(named))
    last = {name.rpartition(".")[2] for name in _referred()}
    assert set(crosslingual.__all__) - {"__version__"} <= last
    assert all(it.__doc__ for it in _referred().values())
    told = all_help()
    verbs = re.findall(
        r"^usage: crosslingual ([a-z]+(?: [a-z]+)?) \[-h\]", told, flags=re.MULTILINE
    )
    assert {"rank", "study run", "study import", "predict"} <= set(verbs)
    assert "commands.txt" in REFERENCE


def test_formulas_need_no_script(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every formula of the book becomes well-formed MathML; names of functions stand apart."""
    monkeypatch.syspath_prepend(str(ROOT / "book" / "extensions"))
    mathml = importlib.import_module("formulas").mathml
    text = "\n".join("".join(c["source"]) for path in CHAPTERS for c in _cells(path, "markdown"))
    text = re.sub(r"`[^`]*`", "", text)
    formulas = re.findall(r"\$\$(.+?)\$\$|\$([^$\n]+)\$", text, flags=re.DOTALL)
    assert len(formulas) > 20
    for block, inline in formulas:
        made = ElementTree.fromstring(mathml(block or inline, "block" if block else "inline"))
        assert made.tag.endswith("}math")
        assert not any("\\" in (each.text or "") for each in made.iter())
    assert "</mi><mspace" in mathml(r"b \log n", "inline")


def test_conda_environment_has_pyproject_s_pins() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = project["dependencies"] + [s for e in EXTRAS for s in extras[e]]
    conda = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))["dependencies"]
    (pip,) = [entry["pip"] for entry in conda if isinstance(entry, dict)]
    assert sorted(set(pip) - {"-e ."}) == sorted(set(wanted))
    tried = [c.rsplit(" ", 1)[1] for c in project["classifiers"] if ":: Python :: 3." in c]
    newest = max(int(version.split(".")[1]) for version in tried)
    assert f"python{project['requires-python']},<3.{newest + 1}" in conda


def test_the_version_to_cite_is_the_package_s() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert cited["version"] == crosslingual.__version__


def test_the_lock_fits_the_pins() -> None:
    from packaging.requirements import Requirement

    locked = {}
    for line in (ROOT / "requirements.lock").read_text("utf-8").splitlines():
        if "==" in line:
            name, version = line.split("==")
            locked[re.sub(r"[-_.]+", "-", name).lower()] = version
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    for spec in project["dependencies"] + [s for e in EXTRAS for s in extras[e]]:
        requirement = Requirement(spec)
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        assert requirement.specifier.contains(locked[name], prereleases=True), spec


TINY = {
    "question": {"languages": "de,ru", "source": "de", "epochs": 1},
    "languages_and_tasks": {"languages": "de,ru", "tasks": "intents"},
    "shared_space": {
        "live_languages": "de,en",
        "live_steps": 2,
        "live_characters": 30_000,
        "live_vocabulary": 1000,
        "words": "light",
    },
    "zero_shot": {"languages": "de,ru", "tasks": "intents,answers", "epochs": 1},
    "features": {"languages": "de,ru,fi"},
    "regression": {
        "languages": "de,ru,en,fi",
        "tasks": "intents",
        "train_limit": 120,  # with fewer no pair may score at all, and nothing is left to explain
        "test_limit": 40,
        "epochs": 3,
        "terms": "syntax",
    },
    "dependence": {"languages": "de,ru,en,fi,zh", "pool": 8, "draws": 4, "permutations": 19},
    "predictors": {"draws": 20, "permutations": 19, "power_draws": 2, "pool": 8},
    "published": {"live": False},
    "annotate": {"targets": "sw,eu"},
    "other_tools": {"live": ""},
    "your_language": {"sources": "de,en", "shots": "8", "train_limit": 16, "few_updates": 2},
    "your_machine": {"device": "t4"},
    "few_shot": {"shots": "0,2", "epochs": 1, "few_updates": 1, "terms": "syntax"},
}
SMALL = {"train_limit": 16, "test_limit": 12, "workers": 0}


@pytest.mark.slow
@pytest.mark.parametrize("name", list(TINY))
def test_chapter_runs_with_tiny_parameters(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "book"))
    run_chapter = importlib.import_module("build").run_chapter
    parameters = TINY[name] | {"results": str(tmp_path)}
    if name in ("question", "zero_shot", "regression", "few_shot"):
        parameters = SMALL | parameters
    made = tmp_path / f"{name}.ipynb"
    run_chapter(ROOT / "book" / "chapters" / f"{name}.ipynb", made, parameters)
    done = nbformat.read(made, as_version=4)
    figures = [
        output
        for cell in done.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]
    assert len(figures) >= 1
    glued = [str(o.get("data")) for c in done.cells for o in c.get("outputs", [])]
    glued = [data for data in glued if "papermill.record" in data]
    assert not [data for data in glued if ": 'np." in data or "object at 0x" in data]
    plain = [data for data in glued if "text/markdown" not in data]  # its asterisks would be shown
    assert not [data for data in plain if re.search(r"\*\w+\*", data)]
    for cell in done.cells:  # of each captioned cell one output is shown, the figure
        if "figure" in cell.metadata.get("mystnb", {}):
            record = "{'application/papermill.record"
            shown = [o for o in cell.outputs if not str(o.get("data")).startswith(record)]
            assert len(shown) == 1, cell.source


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--chapter", "zero"], "Chapters: question"),
        (["--chapter", "features", "--", "-p", "langs", "de"], "no parameter langs"),
        (["--chapter", "features", "--", "-p", "languages"], "-p NAME VALUE"),
        (
            ["--chapter", "zero_shot", "--", "-p", "epochs", "few"],
            "epochs takes a value like 4, not",
        ),
    ],
)
def test_wrong_calls_of_make_chapter_are_explained(words: list[str], message: str) -> None:
    command = [sys.executable, str(ROOT / "book" / "build.py"), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode != 0
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("text", "default", "value"),
    [
        ("no", "en", "no"),
        ("1", "0,1", "1"),
        ("", "en:0.1", ""),
        ("None", 140, None),
        ("40", None, 40),
        ("1e-3", 0.1, 0.001),
        ("true", False, True),
        ("False", True, False),
    ],
)
def test_parameters_are_of_their_default_s_kind(
    text: str, default: Any, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "book"))
    given = importlib.import_module("build").as_parameter("name", text, default)
    assert given == value
    assert type(given) is type(value)
