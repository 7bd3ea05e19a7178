"""What agencies get: the form to fill and the feedback on what they sent."""
