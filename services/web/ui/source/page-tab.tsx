/** A page as it looks, drawn by pdf.js, with rectangles over the cited lines. Stays white in the dark: it is paper. */
import type { PDFDocumentProxy } from 'pdfjs-dist';
import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import type { Citation } from '../../../shared/contract/chat.ts';
import type { PageResult } from '../../../shared/contract/page.ts';
import { Note } from '../chat/turn-view.tsx';
import { useCopy } from '../copy/index.tsx';
import { Spinner } from '../parts/states.tsx';
import { rectangles } from './marks.ts';
import { type Loaded, openPdf } from './pdf.ts';

interface PageTabProps {
  readonly document: string;
  readonly name: string;
  readonly number: number;
  /** Undefined while its text loads. */
  readonly page: PageResult | undefined;
  readonly passage: Citation | null;
}

/** From here on loading takes long enough to be told. */
const largeBytes = 20_000_000;

export default function PageTab({ document, name, number, page, passage }: PageTabProps) {
  const copy = useCopy();
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const firstMark = useRef<HTMLDivElement>(null);
  const width = useWidth(frame);
  const [loaded, setLoaded] = useState<Loaded | null>(null);
  const [drawn, setDrawn] = useState<{ number: number; ratio: number } | null>(null);
  const [failed, setFailed] = useState(false);

  useEffect(() => {
    if (width === 0) return;
    let stale = false;
    let stop = () => {};
    setFailed(false);
    const draw = async () => {
      const pdf = await openPdf(document, (progress) => stale || setLoaded(progress));
      if (stale || !canvas.current) return;
      const task = await drawPage(pdf, number, width, canvas.current);
      stop = () => task.cancel();
      if (stale) return stop();
      await task.done;
      if (!stale) setDrawn({ number, ratio: task.ratio });
    };
    draw().catch((error: Error) => {
      if (!stale && error.name !== 'RenderingCancelledException') setFailed(true);
    });
    return () => {
      stale = true;
      stop();
    };
  }, [document, number, width]);

  const marks = page ? rectangles(page, passage) : [];
  const ready = drawn?.number === number;
  useEffect(() => {
    if (ready) firstMark.current?.scrollIntoView({ block: 'center' });
  }, [ready]);
  return (
    <div className="p-4">
      {passage && page && marks.length === 0 && <Note>{copy.source.unplaced}</Note>}
      {failed && <Note>{copy.source.pageFailed}</Note>}
      {!ready && !failed && (
        <p role="status" className="flex items-center gap-2 pb-4 text-muted">
          <Spinner />
          {loaded && loaded.total >= largeBytes
            ? copy.source.largeFile(loaded.loaded, loaded.total)
            : copy.source.opening(number)}
        </p>
      )}
      <div ref={frame} className="mx-auto max-w-[900px]">
        <div className={`relative border border-line bg-white ${failed || !drawn ? 'invisible' : ''}`}>
          <canvas ref={canvas} role="img" aria-label={copy.source.pagePicture(number, name)} className="block w-full" />
          {ready &&
            marks.map(({ left, top, width: wide, height }, index) => (
              <div
                key={`${left} ${top}`}
                ref={index === 0 ? firstMark : undefined}
                data-passage=""
                className="absolute rounded-sm bg-[#ffe58a] mix-blend-multiply outline outline-[#0b5cad]"
                style={{ left: pct(left), top: pct(top), width: pct(wide), height: pct(height) }}
              >
                {index === 0 && <span className="sr-only">{copy.source.marked}</span>}
              </div>
            ))}
        </div>
      </div>
    </div>
  );
}

const pct = (share: number) => `${share * 100}%`;

async function drawPage(pdf: PDFDocumentProxy, number: number, width: number, canvas: HTMLCanvasElement) {
  const page = await pdf.getPage(number);
  const natural = page.getViewport({ scale: 1 });
  // Sharp on dense screens; above 2 the memory quadruples and nobody sees it.
  const density = Math.min(devicePixelRatio, 2);
  const viewport = page.getViewport({ scale: (width / natural.width) * density });
  canvas.width = Math.floor(viewport.width);
  canvas.height = Math.floor(viewport.height);
  const task = page.render({ canvas, viewport, background: '#ffffff' });
  return { done: task.promise, cancel: () => task.cancel(), ratio: natural.height / natural.width };
}

/** The frame's width in CSS px, rounded so that a moving divider does not redraw for every pixel. */
function useWidth(frame: React.RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const { current } = frame;
    if (!current) return;
    const observer = new ResizeObserver(() => setWidth(Math.ceil(current.clientWidth / 16) * 16));
    observer.observe(current);
    return () => observer.disconnect();
  }, [frame]);
  return width;
}
