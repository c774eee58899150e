"""``python -m seqgen.scenes FOLDER`` writes the corpus of scenes."""

import sys
from pathlib import Path

from seqgen.scenes.corpus import write

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m seqgen.scenes FOLDER")
    write(Path(sys.argv[1]))
