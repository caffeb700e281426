"""Trades that were busted or corrected: what is changed by it, derived from the journal.

Requests are events like any other (`bust`, `correct`). From history (`pm.history`) the position is
folded again from the trade on (`life`, `steps`, `refold`); what comes out other than before is one
event more (`restatement`), which `making` submits and the rules book.
"""
