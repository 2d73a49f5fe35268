"""What the pages of the documentation show, run."""
