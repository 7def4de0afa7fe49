"""`python -m jitkit` is the `jitkit` command."""

import sys

from jitkit.cli import main

if __name__ == "__main__":
    sys.exit(main())
