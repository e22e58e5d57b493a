"""What viewers get: the page, and a stream of rows that is bounded per viewer."""
