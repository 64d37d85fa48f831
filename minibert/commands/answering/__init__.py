"""What `minibert run` is made of: options of tasks, inputs from lines, answers as tables, and reasons."""
