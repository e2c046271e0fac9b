"""How mails leave the house: words become a message, a carrier takes it away."""
