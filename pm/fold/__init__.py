"""The journal folded through the rules, every entry checked on the way.

One fold serves proof, rebuild and questions about the past.
"""

from pm.fold.differences import Differences
from pm.fold.fold import Fold, Progress
from pm.fold.start import at_seq, at_time, from_checkpoint, from_the_beginning

__all__ = [
    "Differences",
    "Fold",
    "Progress",
    "at_seq",
    "at_time",
    "from_checkpoint",
    "from_the_beginning",
]
