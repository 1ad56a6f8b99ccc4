/** Loads the PDF viewer ahead of the click: on hover or focus of a mark. */

let started = false;

export function prefetchViewer(): void {
  if (started) return;
  started = true;
  // A failed prefetch is no failure: the click loads it again and reports.
  import('./pdf.ts')
    .then(({ warmUp }) => warmUp())
    .catch(() => {
      started = false;
    });
}
