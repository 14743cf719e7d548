import { useMemo } from 'preact/hooks';
import type { Attention } from '../../coordinator/web/shapes.ts';
import { useLive } from '../api/hooks.ts';
import type { Known } from '../api/overview.ts';
import { pathOf } from '../api/route.ts';
import { Link } from '../parts/link.tsx';
import { Panel } from '../parts/panel.tsx';
import { Table } from '../parts/table.tsx';
import { Mark, Said } from '../parts/text.tsx';
import { Approvals } from './approvals.tsx';

/** What of releases waits for a person's word. */
const approvals: ReadonlySet<string> = new Set(['GATE_HELD', 'GATE_WAITS', 'CANARY_WAITS', 'PINS_WAIT']);

/** Which attacks are seen where, by counts, and what waits for somebody. */
export function AlertsPage() {
  const { known } = useLive();
  return (
    <>
      <h1>Alerts and approvals</h1>
      {known === undefined ? <p class="quiet">…</p> : <Everything known={known} />}
    </>
  );
}

function Everything({ known }: Readonly<{ known: Known }>) {
  const families = useMemo(() => familiesIn(known.clusters), [known.clusters]);
  const waiting = known.attention.rows.filter(({ code }) => approvals.has(code));
  const waves = known.attention.rows.filter(({ code }) => code === 'ALERT_WAVE');
  return (
    <>
      <Approvals clusters={known.clusters} />
      <Panel title="Releases that wait for a person">
        <Rows rows={waiting} none="Nothing of releases waits for anybody." />
      </Panel>
      <Panel title="Waves">
        <Rows rows={waves} none="No family was seen in three clusters within a day." />
      </Panel>
      <Panel title="Families seen in the last 24 hours">
        {families.length === 0 ? <p>None.</p> : <Families families={families} />}
        <p class="quiet">Counts alone leave a cluster, as it counted them.</p>
      </Panel>
    </>
  );
}

function Rows({ rows, none }: Readonly<{ rows: readonly Attention[]; none: string }>) {
  if (rows.length === 0) {
    return (
      <p>
        <Mark sign="good" /> {none}
      </p>
    );
  }
  return (
    <ul class="attention">
      {rows.map((row) => (
        <li key={`${row.code} ${row.track} ${row.text}`}>
          <Mark sign={row.severity} />
          {row.track !== '' && <Link to={pathOf('releases', row.track)}>{row.track}</Link>}
          <span class="what">
            <Said text={row.text} />
          </span>
        </li>
      ))}
    </ul>
  );
}

type Family = { family: string; track: string; count: number; clusters: { cluster: string; count: number }[] };

const clustersShown = 6;

function Families({ families }: Readonly<{ families: readonly Family[] }>) {
  return (
    <Table
      label="Families of alerts, a table"
      heads={['family', 'track', { number: 'alerts' }, { number: 'clusters' }, 'where most']}
    >
      {families.map(({ family, track, count, clusters }) => (
        <tr key={`${family} ${track}`}>
          <th scope="row">
            <Said text={family} />
          </th>
          <td>
            <Said text={track} />
          </td>
          <td class="number">{count.toLocaleString('en')}</td>
          <td class="number">{clusters.length}</td>
          <td>
            {clusters.slice(0, clustersShown).map((one) => (
              <span key={one.cluster} class="tag">
                <Link to={pathOf('clusters', one.cluster)}>
                  <Said text={one.cluster} />
                </Link>{' '}
                {one.count}
              </span>
            ))}
          </td>
        </tr>
      ))}
    </Table>
  );
}

function familiesIn(clusters: Known['clusters']): readonly Family[] {
  const found = new Map<string, Family>();
  for (const { cluster, tracks } of clusters) {
    for (const { track, alerts } of tracks) {
      for (const { family, count } of alerts) {
        const key = `${family} ${track}`;
        const sum = found.get(key) ?? { family, track, count: 0, clusters: [] };
        sum.count += count;
        sum.clusters.push({ cluster, count });
        found.set(key, sum);
      }
    }
  }
  for (const { clusters: seen } of found.values()) seen.sort((a, b) => b.count - a.count);
  return [...found.values()].sort((a, b) => b.clusters.length - a.clusters.length || b.count - a.count);
}
