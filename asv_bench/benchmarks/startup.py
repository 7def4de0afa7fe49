"""What starting costs, each time in a fresh process. The start of Python itself is outside the clock."""


class Startup:
    """Wall-clock times: of interest to people, too noisy for a gate."""

    number = 1  # a second import in one process is free
    rounds = 1
    repeat = 5
    timeout = 120

    def timeraw_import_jitkit(self):
        return "import jitkit"

    def timeraw_import_numba(self):
        """What `import jitkit` does not pay."""
        return "import numba"

    def timeraw_first_decode(self):
        """From a bare interpreter to the first columns of a new schema: imports and compilation."""
        return """
            import jitkit as jk

            class Sample(jk.Record, layout="packed", byteorder="little"):
                timestamp: jk.u64
                value: jk.f32

            Sample.columns(bytes(12_000))
        """
