"""Foreign traces played through the services; they lie beside the project, and are skipped where they do not."""
