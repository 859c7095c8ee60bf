"""What the relay does: carries out negotiations on the packet core, follows each transport's life, tells facts."""
