"""A network between two machines on one: namespaces for them, and between the two a line that delays, loses, reorders and repeats
packets by a seed."""
