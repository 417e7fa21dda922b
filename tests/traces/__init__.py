"""Foreign traces, played through the services; skipped where they do not lie beside the project."""
