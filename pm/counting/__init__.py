"""Counters and histograms: counted in memory by each process, added up in Redis.

    recorder ─ reporter ─ adding ─▶ pm:{ref}:metrics

They survive restarts and sum over processes; a killed process loses what it had not yet reported.
"""
