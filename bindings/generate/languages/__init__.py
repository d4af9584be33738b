"""A template for each language: `render` takes the description, and gives files under `bindings` with their text."""
