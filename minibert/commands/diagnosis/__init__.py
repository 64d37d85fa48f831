"""What `minibert doctor` looks at: the installation, the libraries under it, and the arithmetic."""
