"""The programs of the rules: ``python -m hscore.steps.<name>``.

Python runs this file before the program, so that a job in the wrong environment ends with one sentence, before it
imports anything that is missing there or is another version.
"""

import sys

from hscore import environment
from hscore.errors import UserError

if sys.argv[0] == "-m":  # this is such a program about to start, not an import
    try:
        environment.check(sys.orig_argv[sys.orig_argv.index("-m") + 1].rpartition(".")[2])
    except UserError as error:
        sys.exit(f"error: {error}")
