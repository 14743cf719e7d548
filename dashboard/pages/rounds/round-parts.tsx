import type { MeasuredPart, RoundDetail } from '../../../coordinator/web/shapes.ts';
import { pathOf } from '../../api/route.ts';
import { Link } from '../../parts/link.tsx';
import { Panel } from '../../parts/panel.tsx';
import type { Dot } from '../../parts/scatter.tsx';
import { short } from '../../parts/short.ts';
import { Table } from '../../parts/table.tsx';
import { Code, Mark, Said, type Sign } from '../../parts/text.tsx';

const tensorsShown = 3;

/** What became of an update, by its sign and its word. */
export const fates: Readonly<Record<MeasuredPart['fate'], readonly [Sign, string]>> = {
  selected: ['good', 'kept'],
  leftOut: ['warning', 'left out'],
  refused: ['critical', 'refused'],
  accepted: ['notice', 'accepted'],
  straggler: ['none', 'never came'],
  awaited: ['none', 'awaited'],
};

export function kindOf({ fate }: MeasuredPart): Dot['kind'] {
  if (fate === 'selected') return 'kept';
  if (fate === 'leftOut') return 'left';
  return fate === 'refused' ? 'refused' : 'other';
}

type PartTableProps = Readonly<{ parts: readonly MeasuredPart[]; scores: RoundDetail['scores'] }>;

/** Every invited cluster and what became of its update, as it was judged. */
export function PartTable({ parts, scores }: PartTableProps) {
  const { keptUpTo } = scores;
  return (
    <Panel title="Every update">
      <Table
        label="Every update, a table"
        heads={[
          'cluster',
          'fate',
          { number: <>score {keptUpTo !== null && `(kept up to ${short(keptUpTo)})`}</> },
          { number: 'length' },
          { number: 'cosine' },
          { number: 'weight' },
          'differs in',
          'why',
        ]}
      >
        {parts.map((part) => (
          <PartRow key={part.cluster} part={part} />
        ))}
      </Table>
    </Panel>
  );
}

function PartRow({ part }: Readonly<{ part: MeasuredPart }>) {
  const [sign, word] = fates[part.fate];
  const tensors = part.tensors.slice(0, tensorsShown);
  return (
    <tr>
      <th scope="row">
        <Link to={pathOf('clusters', part.cluster)}>
          <Said text={part.cluster} />
        </Link>
      </th>
      <td>
        <Mark sign={sign} /> {word}
      </td>
      <td class="number">{short(part.score)}</td>
      <td class="number">{short(part.norm)}</td>
      <td class="number">{short(part.cosine)}</td>
      <td class="number">{part.share === null ? '–' : `${(100 * part.share).toFixed(1)} %`}</td>
      <td>
        {tensors.map(({ name, part: share }) => (
          <span key={name} class="tag">
            <Said text={name} /> {(100 * share).toFixed(0)} %
          </span>
        ))}
      </td>
      <td class="prose">
        {part.code !== '' && <Code text={part.code} />} <Said text={part.reason} />
      </td>
    </tr>
  );
}
