"""Training: the loop, its optimizer, its checkpoints."""
