"""File formats, one file each: `read(path, ...)` and, record by record, `iterate(path)`."""
