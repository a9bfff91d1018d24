"""Benchmarks: ``python -m bench.NAME [--size small|full]``; each prints JSON lines beside a reference of that run."""
