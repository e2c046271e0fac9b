"""What other apps ask, as OpenID Connect has it: signed codes and tokens, grants, claims. One file per thing."""
