"""What have others written? Sources (files, folders, globs, S3, log groups, standard input) in, objects with an identity out.

`source.open_sources` lists them, `watch.watch` lists them again and again, `queue.Intake` is told of them by a queue.
Counted: what was left out, by reason (`left_out.REASONS`).
"""
