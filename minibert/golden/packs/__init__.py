"""The file of golden values: what a pack says of its arrays, how it is written, read and checked."""
