"""What the lines of a file mean and whether they may enter. Opening a file does not belong here (reading/)."""
