// RMSprop along the aggregate of source/critical.cuh.
#include "rmsprop.cuh"
