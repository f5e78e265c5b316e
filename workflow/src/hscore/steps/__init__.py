"""Programs of the rules: ``python -m hscore.steps.<name>``.

Python runs this file before the program. Where each stage has its own environment, a job in a wrong one therefore ends
with one sentence, before it imports anything that is missing there or has another version.
"""

import os
import sys

from hscore import environment
from hscore.errors import UserError

# "-m": a program is about to start; this is not an ordinary import
if environment.OWN in os.environ and sys.argv[0] == "-m":
    try:
        environment.check(sys.orig_argv[sys.orig_argv.index("-m") + 1].rpartition(".")[2])
    except UserError as error:
        sys.exit(f"error: {error}")
