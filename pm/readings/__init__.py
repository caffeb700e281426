"""How the system stands at one moment, read from the server; metrics and health come from it."""
