"""What happens when something breaks: workers, stores, providers, clocks. On real servers, over HTTP."""
