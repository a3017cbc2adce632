"""The whole simulation loop in one compiled call: sample, gradient, step, for every pair."""
