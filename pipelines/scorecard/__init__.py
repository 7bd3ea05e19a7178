"""The static site that leaders and officers look at."""
