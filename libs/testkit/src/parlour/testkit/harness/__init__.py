"""Harnesses of the integration tests: services of this process on real servers, and what a test asks or does to them."""
