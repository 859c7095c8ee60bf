"""What the record decides without I/O: which events nobody was told, and which heads to tell."""
