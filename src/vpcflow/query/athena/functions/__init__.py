"""Trino's functions: what exists, what it takes and gives, and its meaning in DuckDB.

Each module of this folder is a group of them. A line says all of one overload:

    name(parameter type, …) result = body       a macro in DuckDB's SQL over the parameters
    name(parameter type, …) result -> function  DuckDB's function of that name does the same
    aggregate name(…) result -> function        likewise for aggregates, whose result is cast to the type told

`internal` functions are there for other bodies; `once` before a name evaluates arguments before the body uses them.
Types are Trino's; one capital letter stands for any type; `local` is a date or timestamp in its own zone; `number` is any number;
`x... type` is any number of them; `=1` is the type of the first argument. What no line can say is a builder in Python.
Source: Trino 435 documentation, "Functions and operators"; where DuckDB differs, tests/golden/trino has the answers.
"""
