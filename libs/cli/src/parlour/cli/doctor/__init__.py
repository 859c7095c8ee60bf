"""Diagnosis: the checks of `parlour doctor`, and the file that `parlour bug` writes about a room."""
