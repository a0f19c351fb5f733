"""FlowBatch → FlowBatch with what a network tells of its interfaces: one file a transform, put together in `enrichment`.

A transform adds or fills columns and keeps rows and their order. What is not known stays null, which AWS writes as ``-``.
"""
