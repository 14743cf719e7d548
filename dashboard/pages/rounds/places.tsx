import { useMemo } from 'preact/hooks';
import type { MeasuredPart, RoundDetail } from '../../../coordinator/web/shapes.ts';
import { Panel } from '../../parts/panel.tsx';
import { type Dot, Scatter } from '../../parts/scatter.tsx';
import { short } from '../../parts/short.ts';
import { kindOf } from './round-parts.tsx';

type PlacesProps = Readonly<{ parts: readonly MeasuredPart[]; map: RoundDetail['map'] }>;

/** Where updates stand to each other: who lies alone, and who lie together. */
export function PlacesPanel({ parts, map }: PlacesProps) {
  const dots = useMemo(() => (map === null ? [] : placed(parts, map)), [parts, map]);
  return (
    <Panel title="Where updates stand to each other">
      {map === null ? (
        <p>Its record gives updates no places: an earlier build made it.</p>
      ) : (
        <>
          <Scatter
            label="Updates by their distances to each other"
            xName="first axis"
            yName="second axis"
            dots={dots}
            square
          />
          <p class="quiet">
            Near here is near there: this plane holds {(100 * map.share).toFixed(0)} % of the updates' squared distances
            from their mean, clipped as the rule saw them, true to about a tenth. It is drawn for people; the rule goes
            by the distances themselves.
          </p>
        </>
      )}
    </Panel>
  );
}

function placed(
  parts: readonly MeasuredPart[],
  { aggregate: [x, y] }: NonNullable<PlacesProps['map']>,
): readonly Dot[] {
  const dots = parts.flatMap((part): Dot[] => {
    if (part.place === null) return [];
    const [x, y] = part.place;
    return [{ x, y, kind: kindOf(part), name: part.cluster, said: `at ${short(x)}, ${short(y)}` }];
  });
  return [...dots, { x, y, kind: 'aggregate', name: 'aggregate', said: `at ${short(x)}, ${short(y)}` }];
}
