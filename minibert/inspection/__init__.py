"""Looking into a model: readings of its layers, one step at a time, and its gradients checked by numbers."""
