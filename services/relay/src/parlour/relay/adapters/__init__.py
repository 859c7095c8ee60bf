"""The relay's own adapters: the packet core, DTLS, addresses, files of flight logs."""
