"""The media of a live call: RTP and what comes with it (RFC 3550), from datagrams to samples."""
