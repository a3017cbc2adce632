// The equations of sgd_c.cuh; freqopt/optimizers/sgdm_c.py has other defaults.
#include "sgd_c.cuh"
