"""Write the stored result tables of the chapter on the published matrix.

    python book/published_tables.py [PATH of the matrix]

The matrix itself is not part of this repository; its numbers are its authors'.
"""

from __future__ import annotations

import datetime
import hashlib
import sys
import time
from pathlib import Path

from crosslingual.files import write_csv, write_text
from crosslingual.published import XPOS_URL, find_xpos, study_xpos, xpos_features, xpos_scores
from crosslingual.version import __version__

OUT = Path(__file__).parent / "data" / "published"


def main() -> None:
    """Compute and write."""
    path = find_xpos(sys.argv[1] if len(sys.argv) > 1 else "", download=True)
    if path is None:
        sys.exit("the published matrix is not at hand: give its path.")
    started = time.monotonic()
    scores = xpos_scores(path)
    features = xpos_features(scores)
    print(f"features after {time.monotonic() - started:.0f} s", flush=True)
    tables = study_xpos(scores, features, draws=1000, permutations=10_000)
    OUT.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        write_csv(OUT / f"{name}.csv", table.round(6))
        print(f"{name}\n{table.round(3).to_string(index=False)}\n")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    write_text(
        OUT / "SIGNATURE",
        f"matrix:xpos-udpos-10000|model:xlm-roberta-base|pairs:{len(scores)}|"
        f"sha256:{digest[:16]}|date:{datetime.date.today()}|v:{__version__}\n"
        f"{XPOS_URL}\n",
    )
    print(f"written to {OUT} after {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
