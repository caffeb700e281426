"""The books in Redis: lanes in, apply, journal, quarantine, reference data.

Every function takes a client and values; nothing here starts a process or reads settings.
"""
