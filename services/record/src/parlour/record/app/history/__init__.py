"""The history of calls: projections folded from the log, the questions that they answer, and quality samples."""
