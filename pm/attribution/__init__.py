"""Why a strategy made or lost what it did: by venue, pair, day, trade and trip.

The books keep, beside positions, one row for each strategy, UTC day, venue and instrument. Rows add
up to the books, so every figure of a range is a sum of rows, and price P&L follows from the
quantities at both ends and the prices there. `performance`, `explanation` and what they import are
pure; `stored`, `scan`, `prices` and `equity` read Redis, `reports` puts both together, and `page`
draws.
"""
