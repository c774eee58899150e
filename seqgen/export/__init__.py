"""A trained model as ONNX graphs, to be run without torch."""
