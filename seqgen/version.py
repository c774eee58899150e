"""The version of seqgen, for whoever stands below the public names."""

VERSION = "0.1.0"
