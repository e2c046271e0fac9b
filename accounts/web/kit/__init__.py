"""Serve views: routes, context, forms, replies. Knows sessions and step-up, no feature."""
