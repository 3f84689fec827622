"""What holds for the folder of a run, whatever became of the run."""

import nbformat


def nothing_half_made(folder):
    """Every page there is is whole; what is aside lies in hidden places that the next run clears."""
    for page in folder.glob("*.html"):
        assert page.read_text(encoding="utf-8").rstrip().endswith("</html>")
    for notebook in (folder / "notebooks").glob("[!.]*"):
        nbformat.read(notebook, 4)
