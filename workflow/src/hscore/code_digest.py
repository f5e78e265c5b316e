"""Which source files a step depends on, and one digest of what they say.

Snakemake tracks neither the imports of a program nor ``python -m module``, and the environment only where it deploys
it. Each rule therefore carries ``code=digest(step)`` as a param: a change of meaning in any module the step imports, or
of a package's version in its environment, reruns the step; a comment, a docstring, the formatting or a moved checkout
changes nothing. Only the syntax is read, nothing is imported.
"""

import ast
import hashlib
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

from hscore import environment

PACKAGE = "hscore"
SOURCE = Path(__file__).parents[2]  # the folder that holds the package
VERSION = "__version__"  # a release alone must not rerun anything
# What decides where a step runs, not what it does; the packages it asks for are in the digest by themselves.
GUARD = Path(PACKAGE, "environment.py")
HAS_DOCSTRING = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def digest(step: str, source: Path = SOURCE) -> str:
    """Hexadecimal SHA-256 of all that the code of ``step`` says, docstrings and comments left out, and of its packages.

    The same on every supported Python version and wherever the checkout lies.
    """
    total = hashlib.sha256()
    for path in source_files(step, source):
        if path.relative_to(source) == GUARD:
            continue
        content = _meaning(path) if path.suffix == ".py" else hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{path.relative_to(source).as_posix()} {content}\n".encode())
    for name, version in sorted(environment.pins(environment.stage_of(step)).items()):
        total.update(f"{name}=={version}\n".encode())
    return total.hexdigest()


def source_files(step: str, source: Path = SOURCE) -> list[Path]:
    """Files of the package that ``python -m hscore.steps.<step>`` can read, sorted.

    Those are the modules it imports, directly or not, at the top or inside a function, the ``__init__`` of their
    packages, and the files that are not Python (page templates) beside them.
    """
    return sorted(_closure(f"{PACKAGE}.steps.{step}", source))


def third_party(step: str, source: Path = SOURCE) -> set[str]:
    """Top-level names of the modules from outside the package and the standard library that a step imports."""
    names = set()
    for path in source_files(step, source):
        if path.suffix == ".py":
            names.update(name.partition(".")[0] for name in _imports(path, source))
    return names - set(sys.stdlib_module_names) - {PACKAGE}


@cache
def _closure(module: str, source: Path) -> frozenset[Path]:
    """Every file reached from ``module``, itself included."""
    start = _file(module, source)
    if start is None:
        raise FileNotFoundError(f"{module} is not a module below {source}")
    reached, waiting = set(), [start, *_files(module, source)]
    while waiting:
        path = waiting.pop()
        if path not in reached:
            reached.add(path)
            waiting += [file for name in _imports(path, source) for file in _files(name, source)]
    beside = {file for folder in {path.parent for path in reached} for file in folder.iterdir() if _is_data(file)}
    return frozenset(reached | beside)


def _is_data(path: Path) -> bool:
    """True for a file that code may read at run time, such as a page template."""
    return path.is_file() and path.suffix not in {".py", ".pyc"} and not path.name.startswith(".")


@cache
def _files(name: str, source: Path) -> list[Path]:
    """Files that importing ``name`` executes: the packages on the way and the module; none outside the package."""
    parts = name.split(".")
    if parts[0] != PACKAGE:
        return []
    found = [_file(".".join(parts[:end]), source) for end in range(1, len(parts) + 1)]
    return [path for path in found if path is not None]


@cache
def _file(name: str, source: Path) -> Path | None:
    """File of the module or package ``name``; None when it is neither (a function, a class)."""
    path = source.joinpath(*name.split("."))
    candidates = (path / "__init__.py", path.with_name(path.name + ".py"))
    return next((file for file in candidates if file.is_file()), None)


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes(), filename=str(path))


@cache
def _imports(path: Path, source: Path) -> frozenset[str]:
    """Dotted names that the file imports; ``from a import b`` gives ``a`` and ``a.b``, because b may be a module."""
    package = path.relative_to(source).with_suffix("").parts[:-1]
    names = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            names.add(base)
            names.update(f"{base}.{alias.name}" for alias in node.names)
    return frozenset(names)


@cache
def _meaning(path: Path) -> str:
    """SHA-256 of the file's syntax tree without docstrings, positions and the version number."""
    words: list[str] = []
    _write(_tree(path), words.append)
    return hashlib.sha256("".join(words).encode()).hexdigest()


def _write(node: object, say: Callable[[str], None]) -> None:
    """Say a syntax tree in a form that does not depend on the Python version.

    ``ast.dump`` will not do: each version adds fields that are empty in older code; absent and empty ones are left out.
    """
    if isinstance(node, ast.Constant):
        say(f"{type(node.value).__name__}:{node.value!r};")
    elif isinstance(node, ast.AST):
        say(f"{type(node).__name__}(")
        for name in node._fields:
            value = getattr(node, name, None)
            if name == "body" and isinstance(node, HAS_DOCSTRING):
                value = [line for place, line in enumerate(value) if not _says_nothing(line, place)]
            if value is not None and value != []:
                say(f"{name}=")
                _write(value, say)
        say(")")
    elif isinstance(node, list):
        say("[")
        for item in node:
            _write(item, say)
        say("]")
    else:
        say(f"{node!r};")


def _says_nothing(line: ast.stmt, place: int) -> bool:
    """True for a docstring (a bare string in first place) and for the assignment of the version."""
    if isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant):
        return place == 0 and isinstance(line.value.value, str)
    return isinstance(line, ast.Assign) and [ast.unparse(target) for target in line.targets] == [VERSION]
