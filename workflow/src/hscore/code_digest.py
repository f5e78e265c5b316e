"""Find the source files that a step depends on, and compute one digest of their meaning.

Snakemake tracks neither the imports of a program nor ``python -m module``, and the environment only where it deploys
it. Each rule therefore has ``code=digest(step)`` as a param. A change of meaning in any module that the step imports,
or of a package's version in its environment, reruns the step. Comments, docstrings, formatting and the location of the
checkout have no effect. Only the syntax is read; nothing is imported.
"""

import ast
import hashlib
import re
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

from hscore import environment
from hscore.files import sha256

PACKAGE = "hscore"
SOURCE = Path(__file__).parents[1]  # the folder that contains the package
VERSION = "__version__"  # a release alone must not rerun anything
# This module decides where a step runs, not what it does. The packages that it checks are in the digest themselves.
GUARD = Path(PACKAGE, "environment.py")
REFERENCE = re.compile(rf"{PACKAGE}(\.\w+)+:\w+")  # a function named by a string, ``module:function``
HAS_DOCSTRING = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def digest(step: str, source: Path = SOURCE) -> str:
    """Return the SHA-256 (hexadecimal) of the meaning of a step's code and of its packages' versions.

    Docstrings and comments do not count. The value is the same on every supported Python version and for every
    location of the checkout.
    """
    total = hashlib.sha256()
    for path in source_files(step, source):
        if path.relative_to(source) == GUARD:
            continue
        content = _meaning(path) if path.suffix == ".py" else sha256(path)
        total.update(f"{path.relative_to(source).as_posix()} {content}\n".encode())
    for name, version in sorted(environment.pins(environment.stage_of(step)).items()):
        total.update(f"{name}=={version}\n".encode())
    return total.hexdigest()


def source_files(step: str, source: Path = SOURCE) -> list[Path]:
    """Return the files of the package that ``python -m hscore.steps.<step>`` can read, sorted.

    These are the modules it imports, directly or indirectly, at the top or inside a function, the ``__init__`` of their
    packages, and the other files (page templates) in their folders.
    """
    return sorted(_closure(f"{PACKAGE}.steps.{step}", source))


def third_party(step: str, source: Path = SOURCE) -> set[str]:
    """Return the top-level names of modules from outside the package and the standard library that a step imports."""
    names = set()
    for path in source_files(step, source):
        if path.suffix == ".py":
            names.update(name.partition(".")[0] for name in _imports(path, source))
    return names - set(sys.stdlib_module_names) - {PACKAGE}


@cache
def _closure(module: str, source: Path) -> frozenset[Path]:
    """Return every file reached from ``module``, itself included."""
    start = _file(module, source)
    if start is None:
        raise FileNotFoundError(f"{module} is not a module below {source}")
    reached, waiting = set(), [start, *_files(module, source)]
    while waiting:
        path = waiting.pop()
        if path not in reached:
            reached.add(path)
            waiting += [file for name in _imports(path, source) for file in _files(name, source)]
    folders = {path.parent for path in reached if _knows_its_folder(path)}
    return frozenset(reached | {file for folder in folders for file in folder.iterdir() if _is_data(file)})


def _knows_its_folder(path: Path) -> bool:
    """Return whether a module uses ``__file__``; otherwise it finds no data file next to it."""
    return any(isinstance(node, ast.Name) and node.id == "__file__" for node in ast.walk(_tree(path)))


def _is_data(path: Path) -> bool:
    """Return True for a file that code may read at run time, such as a page template."""
    return path.is_file() and path.suffix not in {".py", ".pyc"} and not path.name.startswith(".")


@cache
def _files(name: str, source: Path) -> list[Path]:
    """Return the files that importing ``name`` executes: its packages and the module; none outside the package."""
    parts = name.split(".")
    if parts[0] != PACKAGE:
        return []
    paths = [_file(".".join(parts[:end]), source) for end in range(1, len(parts) + 1)]
    return [path for path in paths if path is not None]


@cache
def _file(name: str, source: Path) -> Path | None:
    """Return the file of the module or package ``name``; None when it is neither (a function, a class)."""
    path = source.joinpath(*name.split("."))
    candidates = (path / "__init__.py", path.with_name(path.name + ".py"))
    return next((file for file in candidates if file.is_file()), None)


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes(), filename=str(path))


@cache
def _imports(path: Path, source: Path) -> frozenset[str]:
    """Return the dotted names that a file imports; ``from a import b`` gives ``a`` and ``a.b`` (b may be a module).

    A string ``module:function`` counts as an import of the module, see ``hscore.report.registry``.
    """
    package = path.relative_to(source).with_suffix("").parts[:-1]
    names = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*parents, *([node.module] if node.module else [])])
            names.add(base)
            names.update(f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and REFERENCE.fullmatch(node.value):
            names.add(node.value.partition(":")[0])
    return frozenset(names)


@cache
def _meaning(path: Path) -> str:
    """Return the SHA-256 of the file's syntax tree without docstrings, positions and the version number."""
    parts: list[str] = []
    _write(_tree(path), parts.append)
    return hashlib.sha256("".join(parts).encode()).hexdigest()


def _write(node: object, write: Callable[[str], None]) -> None:
    """Write a syntax tree in a form that does not depend on the Python version.

    ``ast.dump`` is unsuitable, because each version adds fields that are empty in older code. Absent and empty fields
    are left out here.
    """
    if isinstance(node, ast.Constant):
        write(f"{type(node.value).__name__}:{node.value!r};")
    elif isinstance(node, ast.AST):
        write(f"{type(node).__name__}(")
        for name in node._fields:
            value = getattr(node, name, None)
            if name == "body" and isinstance(node, HAS_DOCSTRING):
                value = [line for index, line in enumerate(value) if not _says_nothing(line, index)]
            if value is not None and value != []:
                write(f"{name}=")
                _write(value, write)
        write(")")
    elif isinstance(node, list):
        write("[")
        for item in node:
            _write(item, write)
        write("]")
    else:
        write(f"{node!r};")


def _says_nothing(line: ast.stmt, index: int) -> bool:
    """Return True for a docstring (a string as first statement) and for the assignment of the version."""
    if isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant):
        return index == 0 and isinstance(line.value.value, str)
    return isinstance(line, ast.Assign) and [ast.unparse(target) for target in line.targets] == [VERSION]
