"""Reading documents: receipts and invoices in, fields out."""
