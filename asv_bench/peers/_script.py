"""What the scripts have in common: their options, their questions one after the other, and what they print and save."""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from _table import Row, show, to_markdown
from _timing import pin_to_one_cpu

Questions = Mapping[str, Callable[..., Iterable[Row]]]


def options_of(description: str | None, questions: Questions, quick: str) -> argparse.ArgumentParser:
    """Options that all scripts have; `quick` says what a quick run leaves out."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=questions, default=list(questions), metavar="NAME",
                        help=f"some of: {', '.join(questions)}")  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="save the table as JSON too")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown")
    parser.add_argument("--quick", action="store_true", help=f"{quick}: to see that it works")
    return parser


def first_notes(quick: str | None) -> list[str]:
    """Keep this process on one CPU; what a reader must know before all else, where `quick` says what was left out."""
    notes = []
    if pin_to_one_cpu() is None:
        notes.append("This system cannot keep a process on one CPU.")
    if quick is not None:
        notes.append(f"A quick run: {quick}. Its figures say little.")
    return notes


def ask(questions: Questions, names: Sequence[str], *given: Any) -> list[Row]:
    """Answers to some questions, each of which is told on stderr when its turn comes."""
    rows: list[Row] = []
    for name in names:
        print(f"{name} ...", file=sys.stderr, flush=True)
        rows += questions[name](*given)
    return rows


def tell(options: argparse.Namespace, rows: list[Row], heading: Sequence[str], **more: Any) -> None:
    """Print the table, and save it with whatever else there is to say."""
    if options.markdown:
        print(to_markdown(rows, heading))
    else:
        show(rows, heading)
    if options.json:
        report = {**more, "quick": options.quick, "rows": [row.to_dict() for row in rows]}
        options.json.write_text(json.dumps(report, indent=1) + "\n")
