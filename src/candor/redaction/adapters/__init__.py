"""Engines that find personal data beside the built-in rules, one file each."""
