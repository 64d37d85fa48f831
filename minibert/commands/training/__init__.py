"""What `minibert train` is made of: options, data, tokenizer and model, the run's folder, metrics, what is printed."""
