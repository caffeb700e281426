"""Holds the books against themselves and against what venues say, and keeps what does not agree."""
