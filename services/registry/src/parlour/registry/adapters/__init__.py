"""What the registry needs beyond the runtime's adapters."""
