"""What an encoder must do to stand before the decoder, each demand a rule that can be checked."""
