"""Plan documents as paragraphs and tables: DOCX, PDF with text, plain text with cell borders kept.

What the tables mean is understood in tables.py and drafting.py, one floor up.
"""
