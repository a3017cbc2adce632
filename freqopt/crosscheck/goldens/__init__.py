"""What is known of the references' own accuracy, and kept.

`trajectories` are stored and compared bit for bit, `exact` has the equations in 40 digits, `ledger`
keeps how far every implementation of this project is from the reference.
"""
