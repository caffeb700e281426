"""What does not agree: found by comparisons, kept as records with a life, ended by somebody."""
