// NAdam: equations (1) to (3) of freqopt/optimizers/nadam.py.
#define SCHEDULED 1
#include "adam.cuh"
