"""Where recordings of others can lie: a folder, an object store."""
