"""The commands of the command line, a file for each thing one does with a model."""
