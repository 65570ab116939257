"""``python -m crosslingual`` is the command ``crosslingual``."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
