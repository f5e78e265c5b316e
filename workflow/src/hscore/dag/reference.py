"""Generate the reference of config keys, table columns and findings in ``config/README.md`` from schemas and code.

``python -m hscore.dag.reference`` rewrites it; with ``--check`` it only reports whether it is current.
"""

import argparse
import sys
from pathlib import Path

import yaml

from hscore.contracts.status import EXCLUSIONS, NOTES
from hscore.dag.study import load_schema
from hscore.files import new_file

ROOT = Path(__file__).parents[4]
SCHEMAS = ROOT / "workflow" / "schemas"
PAGE = ROOT / "config" / "README.md"
BEGIN, END = "<!-- generated: {} -->\n", "<!-- end: {} -->\n"


def allowed(rule: dict) -> str:
    """Return the allowed values of a rule in a few words."""
    if "enum" in rule:
        return " \\| ".join(f"`{value}`" for value in rule["enum"])
    if rule.get("type") == "array":
        inner = allowed(rule.get("items", {}))
        return f"list of {inner}" if inner else "list"
    kind = rule.get("type", "")
    words = [kind if isinstance(kind, str) else " or ".join(kind)]
    for key, sign in (("minimum", ">="), ("exclusiveMinimum", ">"), ("maximum", "<="), ("exclusiveMaximum", "<")):
        if key in rule:
            words.append(f"{sign} {rule[key]}")
    return " ".join(words).strip()


def shown(value: object) -> str:
    """Return a default as it is written in the config."""
    text = yaml.safe_dump(value, default_flow_style=True, width=10**6, allow_unicode=True)
    text = text.removesuffix("...\n").strip()
    return f"`{text}`".replace("|", "\\|") if len(text) <= 60 else "see the file"


def config_rows(schema: dict, default: object, prefix: str = "") -> list[str]:
    """Return one table row per key, nested keys after their parents; ``<name>`` stands for a free name."""
    rows = []
    named = dict(schema.get("properties", {}))
    if isinstance(schema.get("additionalProperties"), dict) and "properties" in schema["additionalProperties"]:
        named["<name>"] = schema["additionalProperties"]
    for key, rule in named.items():
        place = f"{prefix}{key}"
        value = default.get(key) if isinstance(default, dict) else None
        nested = rule.get("type") == "object" and ("properties" in rule or config_rows(rule, None))
        cell = "" if nested or value is None else shown(value)
        if rule.get("description") or not nested:
            rows.append(f"| `{place}` | {'' if nested else allowed(rule)} | {cell} | {rule.get('description', '')} |")
        if nested:
            rows += config_rows(rule, value, f"{place}.")
    return rows


def config_table() -> str:
    """Return the reference of all config keys with the defaults of ``config/config.yaml``."""
    default = yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8"))
    head = "| key | value | default | meaning |\n| --- | --- | --- | --- |\n"
    return head + "\n".join(config_rows(load_schema(SCHEMAS, "config"), default)) + "\n"


def column_table(schema: dict) -> str:
    """Return the reference of the columns of one table."""
    rows = [
        f"| `{name}` | {allowed(rule)} | {'required' if name in schema['required'] else 'may be empty'} "
        f"| {rule['description']} |"
        for name, rule in schema["properties"].items()
    ]
    return "| column | value | | meaning |\n| --- | --- | --- | --- |\n" + "\n".join(rows) + "\n"


def findings_table() -> str:
    """Return every finding of the per-patient steps with its meaning and whether it excludes."""
    rows = [f"| `{code}` | {label} | yes |" for code, label in EXCLUSIONS.items()]
    rows += [f"| `{code}` | {label} | no |" for code, label in NOTES.items()]
    return "| finding | meaning | excludes |\n| --- | --- | --- |\n" + "\n".join(rows) + "\n"


def replace_part(page: str, name: str, content: str) -> str:
    """Return ``page`` with the part between the two marks of ``name`` replaced."""
    begin, end = BEGIN.format(name), END.format(name)
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n{content}\n{end}{after}"


def main(argv: list[str] | None = None) -> None:
    """Write or check the reference."""
    parser = argparse.ArgumentParser(prog="python -m hscore.dag.reference", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the page is out of date")
    arguments = parser.parse_args(argv)
    page = PAGE.read_text(encoding="utf-8")
    centers = load_schema(SCHEMAS, "centers")
    current = page
    for name, content in {
        "config": config_table(),
        "centers of your own": column_table(centers["own"]),
        "simulated centers": column_table(centers["simulated"]),
        "findings": findings_table(),
        "clinical table": column_table(load_schema(SCHEMAS, "clinical")),
    }.items():
        current = replace_part(current, name, content)
    if current == page:
        return
    if arguments.check:
        sys.exit(f"{PAGE.name} is out of date; run: python -m hscore.dag.reference")
    with new_file(PAGE) as temporary:
        temporary.write_text(current, encoding="utf-8")


if __name__ == "__main__":
    main()
