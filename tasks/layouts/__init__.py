"""What the data layouts of all tasks do alike."""
