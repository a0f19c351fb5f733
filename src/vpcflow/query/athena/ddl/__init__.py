"""Athena's DDL: statements about tables, views and databases → what they change or tell.

In: text, the catalogue (`state.tables`), a way to list folders. Out: rows. The data that tables tell of is never touched.
"""
