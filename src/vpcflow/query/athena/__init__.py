"""Athena SQL (Trino's dialect): read, understood and put into an engine's words."""
