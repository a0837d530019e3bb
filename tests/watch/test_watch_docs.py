"""The page about the watch names every condition that there is."""

import re
from pathlib import Path

from scanner.domain.conditions import ConditionKind

PAGE = (Path(__file__).parents[2] / "docs" / "watch.md").read_text()


def test_the_page_tells_of_every_condition_and_of_no_other() -> None:
    rows = re.findall(r"(?m)^\| (`[a-z].*?) \|", PAGE)
    named = {name.partition(":")[0] for row in rows for name in re.findall(r"`([a-zA-Z:-]+)`", row)}
    assert named == {str(kind) for kind in ConditionKind}
