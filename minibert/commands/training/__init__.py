"""What `minibert train` is made of: reading data files, the folder of a run, the run itself, its metrics."""
