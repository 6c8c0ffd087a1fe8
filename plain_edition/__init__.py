"""The plain edition: the book's .qmd files executed by Jupyter, set by pandoc and Typst, where Quarto cannot be had.

`python -m plain_edition` renders the book. README.md beside this file says which part of Quarto it understands.
"""
