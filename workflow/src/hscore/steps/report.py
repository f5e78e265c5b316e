"""Write the report (page, figures, tables) from results.json alone."""

import argparse
from pathlib import Path

from hscore.files import read_json
from hscore.report import write_report
from hscore.report.guidelines import checklist
from hscore.steps import _program


def work(arguments: argparse.Namespace) -> None:
    """Read, draw, write, and say what of the reporting guidelines is left to people."""
    results = read_json(arguments.results)
    write_report.write(results, arguments.output, arguments.figures, arguments.tables)
    print("\n".join(checklist.counts(results)))


def main(argv: list[str] | None = None) -> None:
    """The program."""
    parser = _program.parser("report", __doc__)
    parser.add_argument("--results", type=Path, required=True, help="results.json")
    parser.add_argument("--output", type=Path, required=True, help="the HTML page to write")
    parser.add_argument("--figures", type=Path, required=True, help="folder of figures to write (SVG and PDF)")
    parser.add_argument("--tables", type=Path, required=True, help="folder of tables to write (CSV)")
    _program.run(work, parser.parse_args(argv))


if __name__ == "__main__":
    main()
