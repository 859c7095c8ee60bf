"""What the gateway does with a frame and with an event."""
