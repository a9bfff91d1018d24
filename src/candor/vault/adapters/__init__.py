"""One file per outside thing: folders, memory, key files, passphrases."""
