"""Whether the system is well: a level and a sentence for each of its parts."""
