/** Lines over the last 24 hours. */
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

export interface Line {
  readonly label: string;
  readonly values: readonly (number | null)[];
}

interface HistoryChartProps {
  /** Seconds since 1970. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  readonly title: string;
  /** For those who do not see it. */
  readonly summary: string;
}

const height = 180;
/** Contrast of each is above 3:1 on both backgrounds. */
const colours = ['#3b82c4', '#c2702c', '#2f8f5b', '#a45bb5', '#7b8594', '#c94f6d'];

export function HistoryChart({ times, lines, title, summary }: HistoryChartProps) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const styles = getComputedStyle(document.documentElement);
    const [muted, line] = [styles.getPropertyValue('--muted'), styles.getPropertyValue('--line')];
    const axis = { stroke: muted, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 } };
    const plot = new uPlot(
      {
        width: element.clientWidth,
        height,
        scales: { y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.1 : 1] } },
        axes: [
          { ...axis, space: 70 },
          { ...axis, size: 48 },
        ],
        series: [
          {},
          ...lines.map(({ label }, index) => ({
            label,
            stroke: colours[index % colours.length] as string,
            width: 1.5,
            points: { show: false },
          })),
        ],
      },
      [times as number[], ...lines.map(({ values }) => values as (number | null)[])],
      element,
    );
    const resized = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height }));
    resized.observe(element);
    return () => {
      resized.disconnect();
      plot.destroy();
    };
  }, [times, lines]);
  return (
    <figure className="min-w-0 rounded-lg border border-line bg-surface p-4">
      <figcaption className="mb-2 text-xs text-muted">{title}</figcaption>
      <div ref={place} role="img" aria-label={`${title}: ${summary}`} className="w-full overflow-hidden text-xs" />
    </figure>
  );
}
