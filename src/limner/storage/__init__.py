"""Where pictures live: in memory, in a folder, or in the bucket of an object store."""
