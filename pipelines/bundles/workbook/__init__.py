"""The Excel workbook of a bundle, sheet by sheet."""
