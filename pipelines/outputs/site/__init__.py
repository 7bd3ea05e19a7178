"""The scorecard: a static site of the published figures. What the figures mean does not belong here (models/)."""
