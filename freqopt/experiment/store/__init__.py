"""The database of runs: what names a run, where its rows lie, who is at work on it."""
