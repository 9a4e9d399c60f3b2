"""What decided on a document: in a batch (lines), in a finished corpus (account)."""
