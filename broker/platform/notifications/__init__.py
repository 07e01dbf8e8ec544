"""How notices reach citizens: texts, and what carries them. Each carrier meets `actions.assisted.ports.Notifier`."""
