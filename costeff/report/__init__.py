"""The page a decision maker reads: words, figures, sections, and the file they become."""
