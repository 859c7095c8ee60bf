"""The record's use cases: each folder holds one of them whole, and imports no clock, no chance and no adapter."""
