"""What Parlour's services say to each other and to clients: ids, commands, events, queries, subjects, error codes.

Structs only; nothing here does I/O, keeps time or draws randomness.
"""
