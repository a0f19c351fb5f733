"""The command line: parses, calls app, renders."""
