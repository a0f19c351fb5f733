"""How do I ask? Filters and plans in, one dialect's SQL to an engine, Arrow out.

Counted: rows, bytes scanned, time.
"""
