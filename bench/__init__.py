"""Side-by-side measurements; README.md tells what each is and how it is read."""
