"""Mark-to-market: positions at the newest marks, equity, exposure, margin and equity points.

Everything here can be computed again from the books and the marks; none of it is in the journal.
"""
