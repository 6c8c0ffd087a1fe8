"""Files of every kind: where they are kept, written whole or not at all, locked, hashed and downloaded."""
