"""What an optimizer does to an embedding table: reference rules, simulations, theorem checks."""
