"""From the inbox into the archive: files taken, the ledger, and what people enter in it."""
