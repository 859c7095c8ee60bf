"""What the contracts say about themselves to other people's tools: AsyncAPI, JSON Schemas, and what may change in them."""
