"""The tools that build the documentation are scripts beside each other; the tests find them as they find each other."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tools" / "docs"))
