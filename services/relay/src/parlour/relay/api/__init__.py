"""The relay's face on the bus."""
