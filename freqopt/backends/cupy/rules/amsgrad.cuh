// The equations of adam.cuh; freqopt/optimizers/amsgrad.py has other defaults.
#include "adam.cuh"
