"""A service process: what it is told, how it begins and ends, what it opens, and how healthy it says it is."""
