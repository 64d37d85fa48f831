"""Masks, heads, and scaled dot-product attention."""
