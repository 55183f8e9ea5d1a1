"""`python -m retinue`: the command line."""

import sys

from retinue import cli

sys.exit(cli.main())
