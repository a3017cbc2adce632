// The equations of adam.cuh; freqopt/optimizers/adamw.py has other defaults.
#include "adam.cuh"
