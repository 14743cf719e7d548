import type { TopLevelSpec } from 'vega-lite';
import { importAddOn } from '../base/add-ons/add-ons.ts';

export type LinePlot = Readonly<{
  title: string;
  x: Readonly<{ field: string; title: string; log?: boolean }>;
  y: Readonly<{ field: string; title: string; log?: boolean }>;
  /** The field whose values are the lines. */
  series: string;
  rows: readonly Readonly<Record<string, number | string>>[];
}>;

/** Lines with a point at every measurement, as an SVG document. */
export function linePlot(plot: LinePlot): Promise<string> {
  const axis = ({ field, title, log }: LinePlot['x']) => ({
    field,
    title,
    type: 'quantitative' as const,
    scale: log === true ? { type: 'log' as const } : { zero: true },
  });
  return renderSvg({
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title: plot.title,
    width: 560,
    height: 320,
    background: 'white', // Readable on a dark page too.
    data: { values: plot.rows.map((row) => ({ ...row })) },
    mark: { type: 'line', point: true },
    encoding: {
      x: axis(plot.x),
      y: axis(plot.y),
      color: { field: plot.series, type: 'nominal', title: null },
    },
  });
}

/** Any Vega-Lite specification as an SVG document. */
export async function renderSvg(spec: TopLevelSpec): Promise<string> {
  const { parse, View } = await importAddOn<typeof import('vega')>('vega');
  const { compile } = await importAddOn<typeof import('vega-lite')>('vega-lite');
  const view = new View(parse(compile(spec).spec), { renderer: 'none' });
  try {
    return `${await view.toSVG()}\n`;
  } finally {
    view.finalize();
  }
}
