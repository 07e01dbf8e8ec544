"""What services call directly: requests are pushed, codes become tokens, tokens are read, asked about and revoked."""
