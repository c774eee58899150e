"""How fast this machine runs what the package does, and how near to what it can do at all."""
