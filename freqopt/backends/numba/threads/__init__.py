"""A team of threads that wait in compiled code for the parts of a task."""
