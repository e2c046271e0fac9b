"""Describe kinds of links as data, and sign them."""
