"""What every writer of the book needs.

setup.py           makes the environment            report.py          renders, with Quarto or as the plain edition
prerender.py       runs before each render          variables.py       the numbers of the prose, from records
chapter_inputs.py  what a chapter depends on        code_graph.py      which definitions its code reaches
settings.py        what _quarto.yml says            environment.py     what _environment says
chapters.py        a .qmd file taken apart          cell_cache.py      executed chapters
errors.py          what stops a render              readme_figure.py   the figure of README.md
social_card.py     the image for shared links
"""
