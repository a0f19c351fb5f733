"""What do we keep? FlowBatches of identified sources in, Parquet tables and a ledger out.

Counted: sources, rows, bad lines, late files, bytes; the ledger keeps all of it.
"""
