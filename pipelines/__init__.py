"""kpi57: the KPI warehouse of Resolution 57-NQ/TW.

Four folders are the flow: sources/ (what arrives), models/ (what is built), warehouse/ (where it lives), and this
package (how it runs). Importing this package imports nothing heavy.
"""
