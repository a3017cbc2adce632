"""Exact expectations of the rules under Zipf's law, any vocabulary and horizon: laws L1 to L5.

One model runs through it: token k is sampled with probability p_k, its row has curvature 1, starts
at squared distance R^2 from its optimum and sees noise of second moment S. In units of R the only
number left is the noise S/R^2. Rates are in units of 1/curvature.
"""
