"""CUDA kernels: other forms of the memory-bound steps, each one pass over its arrays.

The `.cu` files hold the source; `launch.py` compiles it and launches; `calls.py` has one Python function a kernel.
`primitives.py` attaches them to `minibert.functional`, and `steps.py` to whole steps of a layer in `minibert.models`.
Batched matrix products are in `products.py`. Nothing here runs on NumPy's arrays.
"""
