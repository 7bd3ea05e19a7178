"""What all Excel and Word files written here share: styles, row heights, the layout of an administrative document."""
