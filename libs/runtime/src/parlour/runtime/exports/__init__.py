"""Files that the record is written into, and their verification, which needs nothing but a public key."""
