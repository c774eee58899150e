"""The parts a model is made of: memory, encoders, attention, decoder, heads."""
