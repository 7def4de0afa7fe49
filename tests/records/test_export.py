"""What the exports write, where it is not what `jitkit decode` shows; the rest is in test_command.py."""

import jitkit as jk
from jitkit._core.column_files import write_csv


class Tagged(jk.Record, layout="packed"):
    tag: bytes = jk.bytes_(4)
    mode: int = jk.enum_(jk.u8, {0: "idle", 1: "armed"})


def test_bytes_that_are_no_text_are_escaped_in_csv(tmp_path):
    target = tmp_path / "tags.csv"
    write_csv([Tagged.columns(b"a\0b\0\1" + b"\xff\xfe\0x\0")], target)
    assert target.read_text() == "tag,mode\na\\x00b,1\n\\xff\\xfe\\x00x,0\n"
