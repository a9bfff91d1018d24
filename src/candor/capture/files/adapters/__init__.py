"""Foreign libraries that read media."""
