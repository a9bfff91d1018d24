"""Peers that tests and benchmarks talk to the product with: they share no code path with what they test."""
