"""Publishing to Zenodo: servers and tokens, requests, depositions, metadata, state, the way through them."""
