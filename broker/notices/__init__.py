"""How notices reach citizens: texts, and what carries them. Each carrier meets `actions.assist_needs.Notifier`."""
