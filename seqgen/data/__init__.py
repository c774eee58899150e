"""From files to batches: the store on disk, its preparation, and the order of training."""
