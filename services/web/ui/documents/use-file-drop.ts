/** Files dropped on a pane. The picker beside it does the same without a mouse. */
import { type DragEvent, useEffect, useRef, useState } from 'react';

/** @param add null: nothing may be dropped here. */
export function useFileDrop(add: ((files: File[]) => void) | null) {
  const [over, setOver] = useState(false);
  const depth = useRef(0);
  useEffect(() => {
    // A file that misses the pane must not replace the page.
    const guard = (event: globalThis.DragEvent) => event.preventDefault();
    window.addEventListener('dragover', guard);
    window.addEventListener('drop', guard);
    return () => {
      window.removeEventListener('dragover', guard);
      window.removeEventListener('drop', guard);
    };
  }, []);
  const enter = (change: 1 | -1) => (event: DragEvent) => {
    if (!add || !event.dataTransfer.types.includes('Files')) return;
    // Children fire too: only the outermost pair counts.
    depth.current = Math.max(0, depth.current + change);
    setOver(depth.current > 0);
  };
  return {
    over,
    handlers: {
      onDragEnter: enter(1),
      onDragLeave: enter(-1),
      onDragOver: (event: DragEvent) => event.preventDefault(),
      onDrop: (event: DragEvent) => {
        event.preventDefault();
        depth.current = 0;
        setOver(false);
        if (add) add([...event.dataTransfer.files]);
      },
    },
  };
}
