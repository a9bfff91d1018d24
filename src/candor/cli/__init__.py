"""The command line: one file per noun; people get tables, scripts get JSON (``--json``) and exit codes.

0 done · 1 a fault or something failed · 2 wrong use or input · 3 not found · 4 damaged · 5 not allowed.
"""
