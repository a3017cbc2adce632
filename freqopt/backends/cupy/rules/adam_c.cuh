// Adam along the aggregate of source/critical.cuh.
#include "adam.cuh"
