"""CloudWatch Logs Insights QL: text → stages (`parse`) → sqlglot trees and operators (`compile`) → rows (`ask`).

Comes in: a query's text, a time range, log groups. Goes out: rows in Insights' order and string forms, notes, statistics.
A command is a file in `commands/`, a function an entry in `functions/`; both carry their reference text and examples.
Source: CloudWatch Logs User Guide, "CloudWatch Logs Insights language query syntax".
"""
