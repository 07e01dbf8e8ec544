"""How often the broker asks others for something, counted where it is asked. Figures that no busy machine changes."""
