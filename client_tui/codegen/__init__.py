"""Makes the parts of the client that follow from others: models from the schema, the blocking client from the async one."""
