"""From draft to published to retired: how a scorecard changes without ever changing what evaluations were made with.

A draft is the scorecard as plain data, which need not be right yet; one at a time is open for each scorecard. A
published version is YAML that was checked, and never changes. One version is in use; those before it are retired.
"""
