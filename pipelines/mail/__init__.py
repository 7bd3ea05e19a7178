"""Handing in by mail: letters of known senders, their attachments into the inbox, the answer mailed back.

A letter lies in sources/mail until it is taken, then in taken/ until all its files are answered, then for some weeks in
answered/; one that may not be taken goes to refused/ with the reason. Runs know nothing of it.
"""
