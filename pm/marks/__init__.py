"""Marks: what instruments and tokens were worth, by whom it was said and when."""
