"""Print every check of every negative control, as the last lines of `make controls`; exit code 1 when one fails."""

import argparse
import sys
from pathlib import Path

import yaml

from hscore.files import read_json


def main(argv: list[str] | None = None) -> None:
    """Print the verdicts of the studies that the config files name."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("configs", type=Path, nargs="+", help="config files of the controls' studies")
    verdicts = []
    for path in parser.parse_args(argv).configs:
        study = yaml.safe_load(path.read_text(encoding="utf-8"))["study"]
        verdicts.append(read_json(Path("results") / study / "recovery" / "control.json"))
    for verdict in verdicts:
        print(f"{verdict['control']} (simulated): {'holds' if verdict['holds'] else 'DOES NOT HOLD'}")
        for check in verdict["checks"]:
            mark = "ok  " if check["holds"] else "FAIL"
            print(f"  {mark} {check['what']}: {check['found']}; expected: {check['expected']}")
    if not all(verdict["holds"] for verdict in verdicts):
        sys.exit(1)


if __name__ == "__main__":
    main()
