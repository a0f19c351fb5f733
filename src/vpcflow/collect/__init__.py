"""What have others written? Sources (files, folders, globs, S3, standard input) in, objects with an identity out.

Counted: objects found, left out by selection, left out as other services' logs.
"""
