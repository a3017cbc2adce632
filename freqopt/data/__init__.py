"""Floor 2: real token data, read from official formats and installed packages."""
