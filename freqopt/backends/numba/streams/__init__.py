"""The samplers of `freqopt.streams` for one number at a time, with the same bits."""
