"""Peak memory of the process, Python and numba included."""

from benchmarks import inputs


class Memory:
    timeout = 120

    def setup(self):
        self.record = inputs.telemetry("packed")
        self.data = inputs.telemetry_records(10_000, "packed").tobytes() * 320

    def peakmem_columns(self):
        """67 MB of 21-byte records, beside as much in columns."""
        self.record.columns(self.data)
