"""Nothing that says who the patient is leaves the convert step: words are hidden, tags counted, never quoted."""

import re
from typing import Any

from hscore.imaging.dicom import Contents

HIDDEN = "[hidden]"


def tags_in_words(contents: Contents) -> str:
    """Which tags say who the patient is and how many files carry each; never what they say."""
    listed = ", ".join(f"{keyword} ({count} files)" for keyword, count in sorted((+contents.private).items()))
    return f"files still carry {listed}"


class Hider:
    """Replaces words that identify the patient in everything that is written.

    Such words turn up in file names, descriptions and segment names. Chinese names stand without spaces, so they are
    replaced wherever they occur; other words only whole. The study's own name of the patient stays.
    """

    def __init__(self, words: set[str], keep: str) -> None:
        parts = []
        for word in sorted(words - {keep}, key=lambda word: (-len(word), word)):
            pattern = re.escape(word)
            parts.append(rf"(?<![^\W_]){pattern}(?![^\W_])" if word.isascii() else pattern)
        self.pattern = re.compile("|".join(parts), re.IGNORECASE) if parts else None

    def __call__(self, content: Any) -> Any:
        """The same content (text, list or dict) without these words in its texts."""
        if isinstance(content, str):
            return self.pattern.sub(HIDDEN, content) if self.pattern else content
        if isinstance(content, dict):
            return {key: self(value) for key, value in content.items()}
        return [self(value) for value in content] if isinstance(content, list) else content
