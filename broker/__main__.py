"""`python -m broker`: the same as the command `portico`."""

import sys

from broker.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
