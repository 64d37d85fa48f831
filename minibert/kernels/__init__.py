"""Fused CUDA kernels for the memory-bound steps, each beside the plain version that documents it.

The `.cu` files hold the source, `launch.py` compiles and launches it, `fused.py` is what `minibert.functional` calls.
Only arrays on a GPU come here; on the CPU the plain versions run. Batched matrix products are in `products.py`.
"""
