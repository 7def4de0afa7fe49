"""Numbers by which the kernel of `_search` and Python tell each other things. Loads no numba."""

from __future__ import annotations

CHOICES = 4  # definitions of one id, or of one format, that are kept until it is known which one the records fit

# Words of a search's state. SINCE is where what is being skipped begins, -1 if the last message was believed, and WHY
# what was wrong there. CLEAN_FROM and CLEAN_TO are a range without control characters that was looked at already,
# FIELDS_FROM and FIELDS_TO one that may be in a format.
POSITION, SINCE, WHY, RECORDS, OTHERS, RANGES, CLEAN_FROM, CLEAN_TO, FIELDS_FROM, FIELDS_TO = range(10)
STATE_WORDS = 10

# Why a search has stopped: at the end, with an array full, or at a definition, which Python has to look at.
DONE, IS_FULL, ASKS = range(3)

# Whether a message is believed, and if not, why.
BELIEVED, CUT, UNKNOWN_TYPE, NOT_SUBSCRIBED, WRONG_SIZE, MAKES_NO_SENSE = range(6)
ALMOST_BELIEVED = -1
