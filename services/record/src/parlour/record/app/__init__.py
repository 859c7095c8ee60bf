"""The record's work: tailing the log, answering questions about it, keeping house."""
