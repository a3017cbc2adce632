"""Problems as compiled pure functions, one file each, found by the problem's name."""
