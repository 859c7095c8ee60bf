"""What the relay needs beyond the runtime's adapters: the packet core and DTLS."""
