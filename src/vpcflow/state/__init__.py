"""Durable resources in one SQLite file: tables and views of users, saved queries … What must outlive a process lies here.

Each kind of resource is one module with its own statements (`PART`); nothing here knows what the resources mean.
"""
