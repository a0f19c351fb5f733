"""Flows counted by the kernel itself: two small programs, the maps they count in, and what loads them.

`flow.bpf.c` is compiled when it changes, not where it runs; `elf` reads the object, `btf` what this kernel's structures look
like, `bpf` asks the kernel for maps and programs. Nothing but the standard library and NumPy is needed.
"""
