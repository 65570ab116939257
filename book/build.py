"""Run the chapters with Papermill and build the book; or run one chapter.

python book/build.py
python book/build.py --chapter zero_shot -- -p seeds 0,1
"""

from __future__ import annotations

import argparse
import ast
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any

import yaml

from crosslingual.cli import all_help

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "_build" / "book"
RESULTS = ROOT / "_build" / "results"
NEEDS = {
    "zero_shot": ["languages_and_tasks"],
    "regression": ["zero_shot"],
    "predictors": ["zero_shot"],
}
FIRST = ("languages_and_tasks", "question", "zero_shot")  # the longest way through the book


def chapters() -> list[Path]:
    """Notebooks in the order of the table of contents."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    paths = [ROOT / f"{entry['file']}.ipynb" for entry in toc["chapters"]]
    return [path for path in paths if path.exists()]


def run_chapter(source: Path, target: Path, parameters: dict[str, Any]) -> float:
    """Execute one chapter; return the seconds it took. Exits if a cell raises."""
    import papermill
    from traitlets.config import Config

    started = time.monotonic()
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            # Of two kernels that start at once and choose the same free port, one dies. (A socket's
            # path has a hundred bytes.)
            local = os.name == "posix" and len(folder) < 80
            sockets = {"transport": "ipc", "ip": f"{folder}/kernel"} if local else {}
            papermill.execute_notebook(
                str(source),
                str(target),
                parameters={"results": str(RESULTS), **parameters},
                kernel_name="python3",
                cwd=str(ROOT),
                progress_bar=False,
                config=Config({"KernelManager": sockets}),
            )
    except papermill.PapermillExecutionError as error:
        sys.exit(f"the chapter {source.name} failed; what it printed is in {target}\n{error}")
    return time.monotonic() - started


def run_all(sources: list[Path]) -> dict[str, float]:
    """Execute the chapters, two at a time where they allow it; return their seconds."""
    took: dict[str, float] = {}
    sources_by_name = {source.stem: source for source in sources}
    names = set(sources_by_name)
    # zero_shot keeps every core busy most of the time; short chapters beside it fill the rest.
    waiting = [n for n in FIRST if n in names] + [s.stem for s in sources if s.stem not in FIRST]
    running: dict[Future[float], str] = {}
    with ProcessPoolExecutor(2) as pool:
        while waiting or running:
            for name in list(waiting):
                unmet = any(n in names - took.keys() for n in NEEDS.get(name, ()))
                if len(running) == 2 or unmet:
                    continue
                waiting.remove(name)
                source = sources_by_name[name]
                print(f"running {name} ...", flush=True)
                target = BUILD / source.relative_to(ROOT)
                running[pool.submit(run_chapter, source, target, {})] = name
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                name = running.pop(future)
                took[name] = future.result()
                print(f"  {name}: {took[name]:.0f} s", flush=True)
    return {source.stem: took[source.stem] for source in sources}


def build() -> None:
    """Run everything and render it; exits with a message if anything is wrong."""
    shutil.rmtree(BUILD, ignore_errors=True)
    shutil.copytree(ROOT / "book", BUILD / "book", ignore=shutil.ignore_patterns("*.py"))
    extensions = ROOT / "book" / "extensions"
    shutil.copytree(extensions, BUILD / "book" / "extensions", dirs_exist_ok=True)
    for name in ("_config.yml", "_toc.yml"):
        shutil.copy(ROOT / name, BUILD / name)
    started = time.monotonic()
    seconds = run_all(chapters())
    chapters_took = time.monotonic() - started
    (BUILD / "book" / "extra").mkdir(exist_ok=True)
    shutil.copy(RESULTS / "advisor.html", BUILD / "book" / "extra")
    os.environ["COLUMNS"] = "96"  # argparse asks for it
    (BUILD / "book" / "commands.txt").write_text(all_help(), "utf-8")
    started = time.monotonic()
    program = Path(sys.executable).with_name("jupyter-book")
    command = [str(program), "build", str(BUILD), "-W", "--all", "-q"]
    code = subprocess.run(command, check=False).returncode
    index = BUILD / "_build" / "html" / "index.html"
    # jupyter-book 2 builds nothing and exits 0, so the page itself is looked for.
    if code or not index.exists():
        sys.exit(f"jupyter-book failed (exit {code}); index.html exists: {index.exists()}.")
    if not (index.parent / "advisor.html").exists():
        sys.exit("the interactive page is missing beside index.html.")
    seconds["rendering"] = time.monotonic() - started
    seconds["all, two at a time"] = chapters_took + seconds["rendering"]
    for name, taken in seconds.items():
        print(f"{name:>22} {taken:6.0f} s")
    print(f"open {index}")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--chapter", help="run this one only, with '-- -p NAME VALUE ...'")
    parser.add_argument("parameters", nargs="*", help=argparse.SUPPRESS)
    words = sys.argv[1:]
    extra = words[words.index("--") + 1 :] if "--" in words else []
    args = parser.parse_args(words[: words.index("--")] if "--" in words else words)
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    RESULTS.mkdir(parents=True, exist_ok=True)
    if not args.chapter:
        build()
        return
    known = {path.stem: path for path in chapters()}
    if args.chapter not in known:
        sys.exit(f"no chapter {args.chapter!r}. Chapters: {', '.join(known)}.")
    if len(extra) % 3 or any(extra[i] != "-p" for i in range(0, len(extra), 3)):
        sys.exit(f"parameters are given as -p NAME VALUE, not as {' '.join(extra)!r}.")
    texts = {extra[i + 1]: extra[i + 2] for i in range(0, len(extra), 3)}
    defaults = parameters(known[args.chapter])
    unknown = sorted(set(texts) - set(defaults))
    if unknown:
        allowed = ", ".join(sorted(defaults))
        sys.exit(f"{args.chapter} has no parameter {', '.join(unknown)}. Parameters: {allowed}.")
    given = {name: as_parameter(name, text, defaults[name]) for name, text in texts.items()}
    target = ROOT / "_build" / "chapters" / f"{args.chapter}.ipynb"
    taken = run_chapter(known[args.chapter], target, given)
    print(f"{taken:.0f} s; open {target}")


def parameters(path: Path) -> dict[str, Any]:
    """Names and defaults of a chapter's parameters."""
    import papermill

    found = papermill.inspect_notebook(str(path))
    return {name: ast.literal_eval(given["default"]) for name, given in found.items()}


def as_parameter(name: str, text: str, default: Any) -> Any:
    """What the command line gives, of the kind that the default is of.

    Where that is text, nothing is read into it: ``no`` is a language, ``1`` a list of one seed.
    """
    if isinstance(default, str):
        return text
    try:
        value = ast.literal_eval(text.strip().capitalize() if isinstance(default, bool) else text)
    except (ValueError, SyntaxError):
        value = text
    fits = isinstance(value, bool) if isinstance(default, bool) else not isinstance(value, str)
    if not fits:
        sys.exit(f"{name} takes a value like {default}, not {text!r}.")
    return value


if __name__ == "__main__":
    main()
