"""The demo conversations: written dialogues, the script that speaks them, and the list that imports them."""
