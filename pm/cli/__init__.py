"""The command line `pm`. Imports `workers` only inside the commands that start one."""
