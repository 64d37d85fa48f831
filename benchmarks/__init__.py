"""Side-by-side measurements against PyTorch and the Hugging Face libraries; see side_by_side.py for how."""
