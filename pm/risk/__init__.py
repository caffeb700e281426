"""Risk, pure: exposures, scenarios of past days, value at risk, volatility, correlation.

No Redis, no clock, no settings. Exposures are exact decimals; what past returns make of them is
statistics in floats. Whatever cannot be covered is counted and reported, never taken as 0.
"""
