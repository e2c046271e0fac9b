"""What can be done, walked without Flask."""
