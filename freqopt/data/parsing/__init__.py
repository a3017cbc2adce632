"""From the bytes of a file to rows and columns: what the formats share, with every fault named."""
