"""All that ``long_pretraining.py`` needs, for a machine that reaches no network.

    python benchmarks/kit.py pack RUN KIT      here: RUN is a folder of ``crosslingual pretrain``
    python benchmarks/kit.py unpack KIT RUN    there

KIT, about 50 MB, holds the tokens of the corpus (xz), SIB-200 and PUD from $CROSSLINGUAL_DATA, and
the packages that tasks and studies need and machines with torch and transformers often lack
(of a processor of the same make; the compiled ones serve every Python from 3.9). It is for a
machine of your own: the data in it are not ours to pass on. Unpacked, RUN/site belongs on
PYTHONPATH and RUN/data is $CROSSLINGUAL_DATA.
"""

from __future__ import annotations

import lzma
import os
import shutil
import sys
import tarfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib.metadata import files
from pathlib import Path

import numpy as np

PACKAGES = (
    "hassil", "home-assistant-intents", "langcodes", "num2words", "unicode-rbnf", "docopt",  # tasks
    "dask", "distributed", "locket", "partd", "tblib", "tornado", "zict",  # studies
)  # fmt: skip
LANGUAGES = ("ar", "de", "en", "es", "fi", "fr", "hi", "ru", "tr", "zh")  # of PUD
# Ids are pairs of bytes, and xz is told so.
FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9, "lc": 0, "lp": 1, "pb": 1}]


def squeeze(kit: Path, source: Path) -> None:
    """Compress the tokens of one language."""
    ids = np.load(source).astype("<u2").tobytes()
    (kit / "tokens" / f"{source.stem}.xz").write_bytes(lzma.compress(ids, filters=FILTERS))


def expand(run: Path, source: Path) -> None:
    """Undo it; the text itself is not needed where its tokens are."""
    ids = np.frombuffer(lzma.decompress(source.read_bytes()), dtype="<u2")
    np.save(run / "tokens" / f"{source.stem}.npy", ids)
    (run / "corpus" / f"{source.stem}.txt").touch()


def pack(run: Path, kit: Path) -> None:
    """Make the kit."""
    (kit / "tokens").mkdir(parents=True, exist_ok=True)
    shutil.copy(run / "spiece.model", kit)
    data = Path(os.environ["CROSSLINGUAL_DATA"])
    with tarfile.open(kit / "data.tar.xz", "w:xz", preset=9) as archive:
        archive.add(data / "sib200", "sib200")
        for code in LANGUAGES:
            name = f"ud_pud/{code}_pud-ud-test.conllu"
            archive.add(data / name, name)
    with tarfile.open(kit / "site.tar.xz", "w:xz", preset=9) as archive:
        for package in PACKAGES:
            for file in files(package) or []:
                if ".." not in file.parts and file.suffix != ".pyc":
                    archive.add(file.locate(), str(file))
    with ProcessPoolExecutor() as pool:
        list(pool.map(partial(squeeze, kit), sorted(run.glob("tokens/*.npy"))))


def unpack(kit: Path, run: Path) -> None:
    """Lay it out."""
    for name in ("tokens", "corpus"):
        (run / name).mkdir(parents=True, exist_ok=True)
    shutil.copy(kit / "spiece.model", run)
    for name in ("data", "site"):
        with tarfile.open(kit / f"{name}.tar.xz") as archive:
            archive.extractall(run / name, filter="data")
    with ProcessPoolExecutor() as pool:
        list(pool.map(partial(expand, run), sorted(kit.glob("tokens/*.xz"))))


if __name__ == "__main__":
    {"pack": pack, "unpack": unpack}[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
