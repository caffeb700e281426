"""The Lua side: bundled into one function library, loaded into the server, called by name."""
