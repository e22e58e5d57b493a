"""What a source and a sink must do, and what they may rely on. Adapters of others are written against this alone."""
