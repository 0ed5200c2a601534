"""Records in, figures and pages out."""
