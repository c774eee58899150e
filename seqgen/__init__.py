"""One recurrent decoder, exact searches, any encoder."""
