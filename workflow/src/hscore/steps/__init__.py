"""Programs of the rules: ``python -m hscore.steps.<name>``.

Python runs this file before the program. A job in the wrong environment therefore ends with one sentence, before it
imports anything that is missing there or has another version.
"""

import sys

from hscore import environment
from hscore.errors import UserError

if sys.argv[0] == "-m":  # a program is about to start; this is not an ordinary import
    try:
        environment.check(sys.orig_argv[sys.orig_argv.index("-m") + 1].rpartition(".")[2])
    except UserError as error:
        sys.exit(f"error: {error}")
