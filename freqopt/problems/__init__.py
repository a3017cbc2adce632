"""Floor 2: problems that know their own constants."""
