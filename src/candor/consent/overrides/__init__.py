"""What the customer's counsel has changed of the rule pack: never edited, only superseded."""
