"""What training adds: hidden words and the optimiser's step."""
