"""The channels' far sides are those of the tests of delivery."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent.with_name("delivery")))
