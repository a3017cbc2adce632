// The equations of adam.cuh; what a row missed is replayed before its update (source/step.cuh).
#include "adam.cuh"
