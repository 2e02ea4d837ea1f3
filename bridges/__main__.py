"""`python -m bridges …`: the same jobs as the page's, from a shell."""

import sys

from bridges.cli import main

sys.exit(main())
