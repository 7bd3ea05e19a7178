"""What sources/ says: plans, agencies, indicators, periods, forms and rules, read and held together."""
