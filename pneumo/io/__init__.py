"""Files: where they are kept, atomic writes, locks, digests, downloads, and JPEG compression."""
