"""A portfolio manager whose state is in Redis.

The way of the data, and where it is done::

    ExecutionRelay frames    pm.wire        bytes -> frames, checked
      -> events              pm.events      frames, lines, msgpack -> events -> facts
      -> lanes               pm.books       one Redis stream for each source and book
      -> apply               lua/           the rules, atomically, with journal and updates
      -> state               pm.keys        positions, balances, traces, totals
      -> answers             pm.client      queries and the update feed
         proof               pm.rules       the same rules again, in Python; pm.verify compares

Processes (gateway, workers) live in ``workers``; nothing in ``pm`` but its command line knows them.
"""
