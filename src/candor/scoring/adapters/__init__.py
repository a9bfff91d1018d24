"""Ways to reach what scoring needs from outside."""
