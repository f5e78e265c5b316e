"""The one error type that is shown to users without a traceback."""


class UserError(Exception):
    """An error that the user can fix: one clear sentence that names file, place, value and remedy."""
