"""Real pages in real Chromium: the browser, what a page's engine reports, the seeds' pages, and the fold of a page's frames."""
