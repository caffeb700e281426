"""Makes a book anew from its journal, beside the live one, and puts it in its place if it is right.

The history is folded and checked entry by entry, written into a shadow and read back; digests are
compared at one seq; one call switches. A book that is not on the server is made from the archive.
"""

from pm.rebuild.rebuilding import Rebuilt, rebuild_book
from pm.rebuild.refused import RebuildRefused

__all__ = ["RebuildRefused", "Rebuilt", "rebuild_book"]
