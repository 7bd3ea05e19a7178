"""The extract of a period for the city or a commune: data files, workbook, report, sealed by a manifest."""
