"""Which records make one aggregation interval? FlowCounts of any source → FlowBatch, with NODATA and SKIPDATA."""
