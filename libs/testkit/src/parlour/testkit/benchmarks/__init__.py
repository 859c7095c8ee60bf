"""What the benchmarks share: facts about the machine, results, and a Postgres of their own."""
