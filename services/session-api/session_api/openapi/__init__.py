"""Examples, links and problems of this API's OpenAPI document."""
