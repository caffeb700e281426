"""What the books know about instruments, tokens, venues and chains, as values without storage.

`toml_source` reads a file, `snapshot` answers questions about one fixed version, `record_text`
writes and reads a single record as canonical JSON. Nothing here does input or output except
reading that one file, and nothing here knows of events or positions.
"""
