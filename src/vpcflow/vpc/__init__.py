"""What is a network, and would it let this pass? Descriptions of a VPC → Network; a flow and a Network → Decision."""
