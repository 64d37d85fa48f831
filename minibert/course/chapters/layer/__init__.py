"""What a layer is made of beside attention, and the head on top."""
