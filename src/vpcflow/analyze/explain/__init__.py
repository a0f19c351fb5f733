"""From a REJECT to its cause: conversations at an interface → what refused them, how sure that is, and why.

`cases` asks the engine for conversations (both directions, accepted and refused, at one interface), `classify` reads their
pattern, `judge` holds it against the rules that were in force, and `find` puts the three together for one question or for
all.
"""
