"""Signing in with another service's word for it: asked over OpenID Connect, believed only where it was connected."""
