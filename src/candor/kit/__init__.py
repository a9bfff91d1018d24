"""Domain-free tools: clock, ids, database, sound files, logging. No word of the domain appears inside."""
