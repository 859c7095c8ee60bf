"""Faults on a running suite: a load that never stops asking, processes that die or stand still, and what must hold all the same."""
