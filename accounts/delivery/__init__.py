"""Deliver mail: compose messages and hand them to a transport."""
