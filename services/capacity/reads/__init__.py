"""What capacity can be asked."""

ASKS = ()
