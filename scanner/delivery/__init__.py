"""How alerts reach a person: the words of a message, the channels, and what became of it there."""
