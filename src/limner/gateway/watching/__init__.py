"""What is known of the service: its log, its figures, its health."""
