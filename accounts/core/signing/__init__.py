"""Hold the key ring; sign, verify and encrypt with it."""
