"""Pictures: orders and deliveries, and what our own clients ask for and are told."""
