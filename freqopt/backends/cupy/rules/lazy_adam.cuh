// The equations of adam.cuh; freqopt/optimizers/lazy_adam.py has other defaults.
#include "adam.cuh"
