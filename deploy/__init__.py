"""How the broker is put somewhere: set-up, images, the demonstration."""
