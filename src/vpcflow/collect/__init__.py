"""What have others written? Sources (files, folders, globs, S3, standard input) in, objects with an identity out.

`source.open_sources` lists them, `watch.watch` lists them again and again. Counted: what was left out, by reason
(`left_out.REASONS`).
"""
