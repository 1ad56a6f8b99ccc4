/** The line between two panes: dragged, or moved with the arrow keys; the width is remembered. */
import { type PointerEvent, useState } from 'react';

export interface PaneWidth {
  readonly px: number;
  readonly min: number;
  readonly max: number;
  readonly set: (px: number) => void;
}

export function usePaneWidth(name: string, { initial, min, max }: { initial: number; min: number; max: number }) {
  const [px, setPx] = useState(() => {
    const stored = Number(localStorage.getItem(`pane-${name}`) ?? initial);
    return Number.isFinite(stored) ? clamp(stored, min, max) : initial;
  });
  const set = (next: number) => {
    const width = Math.round(clamp(next, min, max));
    setPx(width);
    localStorage.setItem(`pane-${name}`, String(width));
  };
  return { px, min, max, set } satisfies PaneWidth;
}

interface DividerProps {
  readonly label: string;
  readonly width: PaneWidth;
  /** Where the pane it sizes lies. */
  readonly side: 'left' | 'right';
  readonly className: string;
}

/** One press of an arrow key, px. */
const stepPx = 24;

export function Divider({ label, width, side, className }: DividerProps) {
  const sign = side === 'left' ? 1 : -1;
  const drag = (event: PointerEvent<HTMLDivElement>) => {
    event.preventDefault();
    const bar = event.currentTarget;
    const { clientX } = event;
    const startPx = width.px;
    bar.setPointerCapture(event.pointerId);
    bar.onpointermove = (move) => width.set(startPx + sign * (move.clientX - clientX));
    bar.onpointerup = () => {
      bar.onpointermove = null;
      bar.onpointerup = null;
    };
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: an <hr> is a separator that cannot be moved.
    <div
      role="separator"
      aria-orientation="vertical"
      aria-label={label}
      aria-valuenow={width.px}
      aria-valuemin={width.min}
      aria-valuemax={width.max}
      tabIndex={0}
      onPointerDown={drag}
      onKeyDown={(event) => {
        if (event.key === 'ArrowLeft') width.set(width.px - sign * stepPx);
        else if (event.key === 'ArrowRight') width.set(width.px + sign * stepPx);
        else if (event.key === 'Home') width.set(width.min);
        else if (event.key === 'End') width.set(width.max);
        else return;
        event.preventDefault();
      }}
      className={`${className} relative z-10 w-px shrink-0 cursor-col-resize touch-none bg-line before:absolute before:inset-y-0 before:-left-1 before:w-[9px] hover:bg-accent focus-visible:bg-accent`}
    />
  );
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}
