"""Lists of who is who: read from files, folders and the web, in any of the forms that people keep them in."""

from scanner.context.lists.fetching import LARGEST, UnreadableListError
from scanner.context.lists.reading import ListReader, Look, is_due

__all__ = ["LARGEST", "ListReader", "Look", "UnreadableListError", "is_due"]
