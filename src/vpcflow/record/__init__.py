"""What a flow log record is: bytes, text, JSON events or Parquet in, FlowBatch out, and back.

Counted: records, bad lines by reason, losses of damaged files, fields no registry has (`telemetry.ReadReport`).
"""
