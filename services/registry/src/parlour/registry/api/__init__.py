"""The registry on the bus."""
