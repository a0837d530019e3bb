"""Rules: what an approval is judged by. `fields` names the facts, `loading` reads the rules, `engine` runs CEL."""
