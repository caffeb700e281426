"""The rules of the books, pure: facts in, journal entries and state out.

No Redis, no clock, no settings. `Book` folds the facts of one event after another; `laws` checks
what must hold whatever was folded; `netting` adds positions of several strategies. Rebuilds and
verification fold a journal's facts through these rules and compare the result with the store.
"""
