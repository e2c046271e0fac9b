"""What the house is made of, part by part."""
