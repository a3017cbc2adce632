// SGD along the aggregate of source/critical.cuh; plain at the official kappa = 0 (Q2).
#define PLAIN (!HAS(kappa) && IS(kappa_zero, official))
#include "sgd.cuh"
