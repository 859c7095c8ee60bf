"""Carries out commands on the packet core, follows each transport's lifecycle, and publishes facts and samples."""
