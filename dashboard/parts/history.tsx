import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { short } from './short.ts';

type HistoryProps = Readonly<{
  /** What it shows, for who cannot see it; the same numbers stand in a table beside it. */
  label: string;
  name: string;
  /** Oldest first; null leaves a gap. */
  values: readonly (number | null)[];
}>;

const height = 120;

/** One number over rounds. */
export function History({ label, name, values }: HistoryProps) {
  const place = useRef<HTMLDivElement>(null);
  const known = values.some((value) => value !== null);
  useEffect(() => {
    const host = place.current;
    if (host === null || !known) return;
    const style = getComputedStyle(host);
    const [ink, line, accent] = ['--quiet', '--line', '--accent'].map((colour) => style.getPropertyValue(colour));
    const axis = {
      stroke: ink ?? '',
      grid: { stroke: line ?? '', width: 1 },
      ticks: { show: false },
      font: '11px sans-serif',
    };
    const plot = new uPlot(
      {
        width: Math.max(160, host.clientWidth),
        height,
        legend: { show: false },
        cursor: { show: false },
        scales: { x: { time: false } },
        axes: [
          { ...axis, show: false },
          { ...axis, size: 56, values: (_, ticks) => ticks.map((tick) => short(tick)) },
        ],
        series: [{}, { stroke: accent ?? '', width: 2, points: { show: true, size: 5 } }],
      },
      [values.map((_, at) => at), [...values]],
      host,
    );
    const resized = new ResizeObserver(() => plot.setSize({ width: Math.max(160, host.clientWidth), height }));
    resized.observe(host);
    return () => {
      resized.disconnect();
      plot.destroy();
    };
  }, [values, known]);
  return (
    <figure class="history">
      <figcaption class="quiet">{name}</figcaption>
      {known ? <div ref={place} role="img" aria-label={label} /> : <p class="quiet">The rules gave none.</p>}
    </figure>
  );
}
