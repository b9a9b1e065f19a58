"""Non-negative matrix factorisation: atoms and their activations."""
