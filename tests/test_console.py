"""The console command as a user starts it: its own script, a process of its own."""

import subprocess
import sys
from pathlib import Path

import pandas as pd


def test_features_from_the_installed_script(tmp_path) -> None:
    """Lang2vec puts a lang2vec.py beside our script, which must not be taken for the package."""
    script = Path(sys.executable).with_name("crosslingual")
    out = tmp_path / "pairs.csv"
    command = [str(script), "features", "--languages", "de,fi", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(pd.read_csv(out)) == 4


def test_the_package_is_the_command() -> None:
    command = [sys.executable, "-m", "crosslingual", "regress", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: crosslingual regress")
