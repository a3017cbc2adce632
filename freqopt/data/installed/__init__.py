"""Data sets that installed packages carry, one file each: `read(...)` needs no path."""
