"""Read models of what runs record: declared, folded, kept. Import from the files."""
