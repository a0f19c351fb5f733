"""Rewrites of a plan for one dialect, a rule a file."""
