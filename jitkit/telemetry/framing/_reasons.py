"""Why bytes are skipped, in words; kernels say it by a place in `REASONS`."""

from jitkit.telemetry._report import CUT_OFF

NO_SYNC, WRONG_LENGTH, WRONG_CHECKSUM = "no sync word", "wrong length", "wrong checksum"
REASONS = (NO_SYNC, WRONG_LENGTH, WRONG_CHECKSUM, CUT_OFF)
KINDS = ("sync", "length", "checksum", "truncated")  # the same as kinds of a DecodeError
