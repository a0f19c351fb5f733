"""A real VPC to try it on: a Network becomes namespaces of this kernel and its rules; what passes is counted where it is decided.

Everything lives in namespaces of one process and goes with it, however it dies. Out come FlowCounts, from the kernel's
own counters.
"""
