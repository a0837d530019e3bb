"""How alerts reach a person: the words, the channels, and the loop that sends."""
