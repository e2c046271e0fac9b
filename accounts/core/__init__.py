"""What the service is made of. Nothing on this floor knows Flask."""
