"""The GraphQL server: one typed schema over storage and the catalog, on Starlette. Imports no user code."""
