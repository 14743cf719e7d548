import { short } from './short.ts';
import { Said, visible } from './text.tsx';

export type Dot = Readonly<{
  x: number;
  y: number;
  kind: 'kept' | 'left' | 'refused' | 'other' | 'aggregate';
  name: string;
  said: string;
}>;

type ScatterProps = Readonly<{
  /** What the picture shows, for who cannot see it; the same numbers stand in a table beside it. */
  label: string;
  xName: string;
  yName: string;
  dots: readonly Dot[];
  /** Lines across, with their names. */
  lines?: readonly Readonly<{ y: number; name: string }>[];
  /** Pairs of names that are joined. */
  joined?: readonly (readonly [string, string])[];
  /** Whether heights are powers of ten, of what is above 0. */
  logarithmic?: boolean;
  /** Whether both axes have one scale: lengths and angles are then true. */
  square?: boolean;
}>;

const width = 560;
const height = 300;
const margin = { left: 56, right: 16, top: 12, bottom: 34 };

/** Dots in a plane; a shape and a colour for each kind. */
export function Scatter(props: ScatterProps) {
  const { label, xName, yName, joined = [], square = false, logarithmic = false } = props;
  const { dots, lines } = logarithmic ? inPowers(props) : { lines: [], ...props };
  if (dots.length === 0) return <p class="quiet">Nothing to draw: the rule gave no such numbers.</p>;
  const xs = range([...dots.map(({ x }) => x), 0]);
  const ys = range([...dots.map(({ y }) => y), ...lines.map(({ y }) => y), ...(logarithmic ? [] : [0])]);
  const height10 = (y: number) => short(logarithmic ? 10 ** y : y);
  const inner = { width: width - margin.left - margin.right, height: height - margin.top - margin.bottom };
  let perX = inner.width / (xs.to - xs.from);
  let perY = inner.height / (ys.to - ys.from);
  if (square) perX = perY = Math.min(perX, perY);
  const px = (x: number) => margin.left + (x - xs.from) * perX;
  const py = (y: number) => margin.top + inner.height - (y - ys.from) * perY;
  const places = new Map(dots.map((dot) => [dot.name, dot]));
  return (
    <figure class="scatter">
      <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label}>
        <path class="axis" d={`M${margin.left} ${margin.top}V${margin.top + inner.height}H${width - margin.right}`} />
        <text x={margin.left - 6} y={margin.top + 10} class="end">
          {height10(ys.to)}
        </text>
        <text x={margin.left - 6} y={margin.top + inner.height} class="end">
          {height10(ys.from)}
        </text>
        <text x={width - margin.right} y={height - 6} class="end">
          {xName} →
        </text>
        <text x={margin.left} y={height - 6}>
          ↑ {yName}
        </text>
        {joined.map(([from, to]) => {
          const [a, b] = [places.get(from), places.get(to)];
          return (
            a && b && <path key={`${from} ${to}`} class="joined" d={`M${px(a.x)} ${py(a.y)}L${px(b.x)} ${py(b.y)}`} />
          );
        })}
        {lines.map(({ y, name }) => (
          <g key={name}>
            <path class="limit" d={`M${margin.left} ${py(y)}H${width - margin.right}`} />
            <text x={width - margin.right} y={py(y) - 4} class="end">
              {name}
            </text>
          </g>
        ))}
        {dots.map((dot) => (
          <path key={dot.name} class={`dot ${dot.kind}`} d={shape(dot.kind, px(dot.x), py(dot.y))}>
            <title>{visible(`${dot.name}: ${dot.said}`)}</title>
          </path>
        ))}
      </svg>
      <figcaption class="quiet">
        <Said
          text={`● kept  ▲ left out  ■ refused${dots.some(({ kind }) => kind === 'aggregate') ? '  ✚ aggregate' : ''}`}
        />
      </figcaption>
    </figure>
  );
}

/** Powers of ten in the place of heights; what is 0 or less stands a power below the least that is not. */
function inPowers({ dots, lines = [] }: ScatterProps): Required<Pick<ScatterProps, 'dots' | 'lines'>> {
  const least = Math.min(...[...dots, ...lines].map(({ y }) => y).filter((y) => y > 0), Number.MAX_VALUE);
  const power = <Row extends Readonly<{ y: number }>>(row: Row): Row => ({
    ...row,
    y: Math.log10(row.y > 0 ? row.y : least / 10),
  });
  return { dots: dots.map(power), lines: lines.map(power) };
}

function shape(kind: Dot['kind'], x: number, y: number): string {
  if (kind === 'left') return `M${x} ${y - 5}l5 9h-10z`;
  if (kind === 'aggregate') return `M${x - 6} ${y}h12M${x} ${y - 6}v12`;
  if (kind === 'refused') return `M${x - 4} ${y - 4}h8v8h-8z`;
  return `M${x - 4} ${y}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0`;
}

function range(values: readonly number[]): Readonly<{ from: number; to: number }> {
  const from = values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
  const to = values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  const room = (to - from) * 0.05 || 1;
  return { from: from === 0 ? 0 : from - room, to: to + room };
}
