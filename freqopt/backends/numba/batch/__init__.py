"""A batch on its way into a rule: partitioned to threads, checked, summed by row, clipped."""
