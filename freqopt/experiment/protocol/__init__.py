"""How a study chooses and compares: settings, search, stages, statistics.

1. Every rule gets the same number of trials over its rate, the study's further axes and schedules
   of the rate, on random numbers of their own; for data problems on validation rows, from problems
   of which the test rows are no part.
2. What was chosen is run with the study's own random numbers and, for data, measured on test rows.
3. What reaches a target first is chosen from the same trials, and run in the same way.

Each stage is a plain study: it is stored, resumed and shared like any other.
"""
