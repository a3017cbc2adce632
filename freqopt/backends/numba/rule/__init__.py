"""A rule on one row, compiled: its kernel, its numbers of a step, the axes around both."""
