"""What went through this interface? Packets of a capture file → FlowCounts.

Two engines fold packets into flows and give the same answer: `compiled` (Numba, when the extra `fast` is installed) and `plain`
(NumPy). Every packet is in a row or counted by a reason of `reasons`; what a file had lost before it came here is a gap.
"""
