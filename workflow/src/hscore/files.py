"""Write outputs so that a killed job never leaves a partly written file or folder."""

import glob
import hashlib
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hscore.errors import UserError


@contextmanager
def new_file(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path next to ``path`` and move it into place only if the block succeeds.

    The temporary name keeps the full suffix, because writers choose the format by it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{secrets.token_hex(4)}~{path.name}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def new_folder(path: str | Path) -> Iterator[Path]:
    """Yield a temporary folder next to ``path`` and replace ``path`` with it only if the block succeeds.

    Remains of an earlier, killed process are deleted.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    for left in path.parent.glob(f".{glob.escape(path.name)}~*"):
        shutil.rmtree(left, ignore_errors=True)
    outer = Path(tempfile.mkdtemp(prefix=f".{path.name}~", dir=path.parent))  # patient names contain no tilde
    temporary = outer / path.name
    temporary.mkdir()
    try:
        yield temporary
        if path.exists():
            os.replace(path, outer / "replaced")
        os.replace(temporary, path)
    finally:
        shutil.rmtree(outer, ignore_errors=True)


def write_json(path: str | Path, content: Any) -> None:
    """Write ``content`` as indented JSON in one move.

    Raises:
        ValueError: ``content`` contains NaN or infinity.
    """
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    with new_file(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_json(path: str | Path) -> Any:
    """Read one JSON file.

    Raises:
        UserError: the file is not JSON, such as an incomplete copy.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); make it again") from None
