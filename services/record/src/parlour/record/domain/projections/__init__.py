"""From events to the rows that history is read from: pure, total, and the same whether events come one by one or a million at once."""

VERSION = 1
"""Of the rows' meaning: another number makes `record` build a new generation by itself."""
