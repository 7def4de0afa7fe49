"""The `jitkit` command. What takes long to import is imported by the command that needs it."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from jitkit import __version__
from jitkit.errors import JitkitError

FORMATS = ("parquet", "arrow", "csv", "npz")
LOGS = ("ulog",)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the `jitkit` command.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments after the program's name; those of the process if not given.

    Returns
    -------
    int
        Exit code: 0 for success, 1 for an error that was reported in one line, 2 for wrong usage, 130 after Ctrl-C.
    """
    parser = make_parser()
    try:
        options = parser.parse_args(argv)
        if options.command == "decode":
            check_decode(options)
    except SystemExit as stop:  # argparse has said why
        return int(stop.code or 0)
    try:
        with terminated_like_interrupted():
            code: int = options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has what it wanted. Python would flush the rest at exit, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return complain("interrupted", 130)
    except OSError as error:
        named = error.filename is not None and error.strerror is not None
        return complain(f"{error.filename}: {error.strerror}" if named else str(error))
    except (JitkitError, ImportError) as error:
        return complain(str(error))
    return code


@contextmanager
def terminated_like_interrupted() -> Iterator[None]:
    """Let `kill` and `timeout` end the command as an error would, so that no partial file is left behind."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may ask for signals
        return
    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def complain(message: str, code: int = 1) -> int:
    """Print one line on stderr and return the exit code."""
    print("jitkit:", " ".join(message.split()), file=sys.stderr)
    return code


def make_parser() -> argparse.ArgumentParser:
    """The command line, as argparse sees it."""
    parser = argparse.ArgumentParser(prog="jitkit", description="Bytes come in, answers go out, at memory speed.")
    parser.add_argument("--version", action="version", version=f"jitkit {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    info = commands.add_parser("info", help="versions, processor, settings, and what is switched off and why")
    info.add_argument("--json", action="store_true", help="for programs")
    info.set_defaults(run=run_info)

    add_decode(commands.add_parser("decode", help="decode a log or a file of records, show what it has, convert it"))
    add_cache_commands(commands.add_parser("cache", help="compiled kernels: what there is, and why they are compiled"))

    demo = commands.add_parser("demo", help="run the demos: what jitkit does, and how fast on this machine")
    demo.add_argument("names", metavar="NAME", nargs="*", help="only these (default: all)")
    demo.add_argument("--plot", metavar="FILE.svg", help="draw the speedups")
    demo.set_defaults(run=run_demo)
    return parser


def add_decode(decode: argparse.ArgumentParser) -> None:
    """The options of `jitkit decode`."""
    decode.description = "Decode a log, topic by topic, or with --record a file of records of one class."
    decode.add_argument("file", metavar="FILE", type=Path)
    decode.add_argument("--out", metavar="DIR", type=Path, help="write the columns to files in DIR, one for each topic")
    decode.add_argument("--to", choices=FORMATS, help=f"format of those files (default: {FORMATS[0]})")

    log = decode.add_argument_group("logs")
    log.add_argument("--format", choices=LOGS, help="of the log (default: what its first bytes say)")
    log.add_argument("--list", action="store_true", help="show what is in the log, and what it is about")
    log.add_argument(
        "--topic", metavar="T", action="append", help="only this topic; again for more; T.1 is the second instance"
    )
    log.add_argument(
        "--errors", choices=("strict", "recover"),
        help="what to do with damage: stop there, or skip it and say so (default: strict)",
    )  # fmt: skip

    records = decode.add_argument_group("files of records")
    records.add_argument(
        "--record", metavar="MODULE:CLASS", type=module_and_class,
        help="record class of the file, as in package.module:Telemetry or my_records.py:Telemetry",
    )  # fmt: skip
    records.add_argument(
        "--fields",
        metavar="A,B,...",
        type=lambda text: [name.strip() for name in text.split(",")],
        help="only these fields",
    )
    records.add_argument(
        "--tail", choices=("error", "drop"), help="what to do with an incomplete last record (default: error)"
    )
    decode.set_defaults(run=run_decode, parser=decode)


def check_decode(options: argparse.Namespace) -> None:
    """Stop with what is wrong about options that do not go together."""
    wrong = options.parser.error
    if options.to and not options.out:
        wrong("argument --to: expected --out DIR beside it, got no directory")
    if options.list and options.out:
        wrong(f"argument --list: expected no --out beside it, got --out {options.out}")
    of_logs = {name: getattr(options, name) for name in ("format", "list", "topic", "errors")}
    of_records = {name: getattr(options, name) for name in ("fields", "tail")}
    for name, given in (of_logs if options.record else of_records).items():
        if given and options.record:
            wrong(f"argument --{name}: expected a log, got --record {':'.join(options.record)}")
        if given:
            wrong(f"argument --{name}: expected --record MODULE:CLASS beside it, got none")


def add_cache_commands(cache: argparse.ArgumentParser) -> None:
    """The commands below `jitkit cache`."""
    commands = cache.add_subparsers(dest="cache_command", metavar="COMMAND", required=True)
    info = commands.add_parser("info", help="where it is, and how large")
    info.add_argument("--json", action="store_true", help="for programs")
    explain = commands.add_parser("explain", help="what would be loaded, and what has changed")
    explain.add_argument("function", metavar="MODULE:FUNCTION", type=module_and_function)
    explain.add_argument("--json", action="store_true", help="for programs")
    plan = commands.add_parser("plan", help="the kernels of a module, and what each depends on")
    plan.add_argument("module", metavar="MODULE", help="package.module or my_kernels.py")
    plan.add_argument("--to", choices=("text", "json", "dot"), default="text", help="default: text")
    preload = commands.add_parser("preload", help="load or compile what a run has recorded")
    preload.add_argument("file", metavar="FILE", type=Path, help="what jitkit.cache.record wrote")
    preload.add_argument("--jobs", metavar="N", type=positive, default=1, help="processes that compile (default: 1)")
    prune = commands.add_parser("prune", help="remove what was not used for longest")
    prune.add_argument("--max-bytes", metavar="N", type=positive, help="size that may be left (default: 512 MiB)")
    commands.add_parser("clear", help="remove everything")
    cache.set_defaults(run=run_cache)


def module_and_class(text: str, what: str = "CLASS") -> tuple[str, str]:
    """Split ``MODULE:CLASS``."""
    module, colon, name = text.rpartition(":")
    if not (module and colon and name):
        raise argparse.ArgumentTypeError(f"expected MODULE:{what}, got {text!r}")
    return module, name


def module_and_function(text: str) -> tuple[str, str]:
    """Split ``MODULE:FUNCTION``."""
    return module_and_class(text, "FUNCTION")


def positive(text: str) -> int:
    """Read a number of 1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a number of 1 or more, got {text!r}")
    return int(text)


def run_info(options: argparse.Namespace) -> int:
    """`jitkit info`."""
    import json

    import numpy as np

    from jitkit._core.about import about, as_table
    from jitkit.simd._sqrt_choice import kept_choices

    roots = kept_choices()
    told = None if roots is None else {np.dtype(letter).name: str(choice) for letter, choice in roots.items()}
    facts = about() | {"square_roots": told, "rings": facts_of_rings()}
    if options.json:
        print(json.dumps(facts, indent=2))
    else:
        from rich.console import Console

        Console(highlight=False, markup=False, emoji=False).print(as_table(facts))
    return 0


def facts_of_rings() -> dict[str, object]:
    """Why memory of windows is not mapped twice (None if it is), and whether calls from Python are machine code."""
    from jitkit._core.mapping import mirror_refusal
    from jitkit.ring import _native

    return {"mirror_refusal": mirror_refusal(), "machine_code": _native.Words is not _native._PlainWords}


def run_decode(options: argparse.Namespace) -> int:
    """`jitkit decode`."""
    to = options.to or FORMATS[0]
    if not options.record:
        from jitkit.telemetry import _command as logs

        return logs.decode(
            options.file,
            format=options.format,
            errors=options.errors or "strict",
            topics=options.topic or (),
            only_list=options.list,
            out=options.out,
            to=to,
        )
    from jitkit.records import _command as records

    record = records.find_record(*options.record)
    records.decode(options.file, record, fields=options.fields, tail=options.tail or "error", out=options.out, to=to)
    return 0


def run_cache(options: argparse.Namespace) -> int:
    """`jitkit cache`."""
    from jitkit.cache._command import RUN

    return RUN[options.cache_command](options)


def run_demo(options: argparse.Namespace) -> int:
    """`jitkit demo`."""
    from jitkit.demos import run

    return run(options.names, options.plot)
