"""Commands, reactions and placement."""
