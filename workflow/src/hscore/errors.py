"""The one error type that is shown to people without a traceback."""


class UserError(Exception):
    """Something the user can put right: one clear sentence naming file, place, value and remedy."""
