"""Records against other people's software: how much faster bytes become columns, and what that costs.

    python asv_bench/peers/records.py                              # everything: some minutes, 3 GB of memory
    python asv_bench/peers/records.py --only ccsdspy kaitai        # some of the questions
    python asv_bench/peers/records.py --markdown --json FILE       # for a README, and for programs

Every answer is checked to be equal on both sides before the clock runs. "N x" is always how many times faster jitkit
is. A row that says "by tables" is a record class that the table-driven kernel decodes, as in a program with many; one
that does not has machine code of its own, as in a program with a few. `--path` leaves one of them out.

The recorded packets are looked for in `--data DIR`, in `$JITKIT_TESTDATA` and in `../shared/data` beside the project.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import _bits_to_columns as bits
import _bytes_to_columns as plain
import _host
from _compile import compile_time
from _jpss import PACKET_BYTES, PACKETS, XTCE, find_data, made_packets
from _memory import memory
from _script import ask, first_notes, options_of, tell
from _sides import PATHS
from _timing import Bench

QUESTIONS = {
    "struct": plain.against_struct,
    "existing": plain.into_existing_arrays,  # NumPy and memcpy
    "fresh": plain.into_fresh_arrays,  # NumPy
    "bits": bits.against_numpy,
    "construct": bits.against_construct,
    "construct-compiled": bits.against_compiled_construct,
    "kaitai": bits.against_kaitai,
    "ccsdspy": bits.against_ccsdspy,
    "space_packet_parser": bits.against_space_packet_parser,
    "memory": memory,
    "compile": compile_time,
}
QUICK = "small inputs, two rounds"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = options_of(__doc__, QUESTIONS, QUICK)
    parser.add_argument("--path", choices=PATHS, help="one of jitkit's two paths only")
    parser.add_argument("--data", type=Path, help="folder of recorded telemetry")
    options = parser.parse_args(arguments)
    notes = first_notes(QUICK if options.quick else None)
    with tempfile.TemporaryDirectory() as scratch:
        bench = _bench(options, Path(scratch), notes)
        rows = ask(QUESTIONS, options.only, bench)
    host = _host.describe()
    notes += _host.lacks(host)
    tell(options, rows, [*_host.heading(host, bench.rounds), *notes], host=host, notes=notes)


def _bench(options: argparse.Namespace, scratch: Path, notes: list[str]) -> Bench:
    """Where the packets are; whatever the reader of the figures must know about them goes to `notes`."""
    data = find_data(options.data)
    if data is None:
        notes.append("The recorded JPSS packets are not at hand: packets of the same kind were made for this run.")
        packets, xtce = made_packets().tobytes(), None
    else:
        packets = (data / PACKETS).read_bytes()
        xtce = data / XTCE if (data / XTCE).is_file() else None
    if xtce is None:
        notes.append("The XTCE file is not at hand: space_packet_parser works from an equal, simpler definition.")
    path = scratch / PACKETS.name
    path.write_bytes(packets[: 720 * PACKET_BYTES] if options.quick else packets)
    paths = (options.path,) if options.path else tuple(PATHS)
    return Bench(packets=path, xtce=xtce, scratch=scratch, paths=paths, quick=options.quick)


if __name__ == "__main__":
    main()
