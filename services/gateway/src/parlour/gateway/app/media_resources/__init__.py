"""WHIP and WHEP resources: streams that are published or played by one HTTP request."""
