"""The product through its doors alone: commands as processes, HTTP against a real server, real recordings."""
