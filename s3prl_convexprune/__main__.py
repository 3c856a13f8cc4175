"""`python -m s3prl_convexprune VERB ...`: the command without its script, for launchers that start modules."""

import sys

from .cli.main import main

sys.exit(main())
