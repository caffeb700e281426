"""Performance, pure: equity points in, a growth index, drawdowns and return statistics out.

No Redis, no clock, no settings. Money and the index stay exact decimals; only Sharpe ratio and
volatility are floats.
"""
