"""Where do records go? FlowBatches of one flow log → its destination.

`Delivery` takes them into a durable `Spool`, and from there a `Destination` takes them unit by unit, each as one or more
shipments. Counted: what was accepted, what a destination refused and why, what had to be dropped because the spool was full.
"""
