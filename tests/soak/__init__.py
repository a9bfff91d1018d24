"""Long runs: `make soak`, and SOAK_MINUTES for how long."""
