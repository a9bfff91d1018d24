"""Where checkpoints are kept elsewhere."""
