"""What every writer of the book needs: set-up, render, pre-render step, variables, and what these read."""
