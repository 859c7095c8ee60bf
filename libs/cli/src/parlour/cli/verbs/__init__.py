"""The verbs of the `parlour` command, a module for each family; each registers its own. What they need is imported when one is called."""
