"""The registry of the plans: folders, the workbook a plan is registered by, checks. Figures do not belong here."""
