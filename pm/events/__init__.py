"""From what the outside sends to the facts that the books are given.

`lines` and `message` read JSON lines and msgpack, `wire` reads decoded relay frames; all of them
give the events of `model`. `facts` joins an event with reference data into the one JSON text that
is applied and journaled. Nothing here does input or output, keeps state between events, or rounds.
"""
