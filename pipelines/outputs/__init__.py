"""What leaves: forms, feedback, bundles, reports. What the figures mean does not belong here (models/)."""
