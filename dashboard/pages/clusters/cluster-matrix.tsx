import { Component } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { ClusterStateView, ClusterTrackView, TrackStatusView } from '../../../coordinator/web/shapes.ts';
import { pathOf } from '../../api/route.ts';
import { Link } from '../../parts/link.tsx';
import { Panel, Wide } from '../../parts/panel.tsx';
import { Mark, Said, type Sign } from '../../parts/text.tsx';
import { When } from '../../parts/time.tsx';

const rowsFirst = 60;
/** The browser lays out and paints so many at a time: those in view and next to it. */
const rowsTogether = 20;
const scoreLow = 0.5;
const certificateLeftMs = 4 * 3_600_000;

/** Rows that the browser skips while nobody sees them are blocks to it; this keeps them a table for who listens, everywhere. */
const semantics = {
  table: { role: 'table' },
  rows: { role: 'rowgroup' },
  row: { role: 'row' },
  head: { role: 'columnheader' },
  name: { role: 'rowheader' },
  cell: { role: 'cell' },
} as const;

type MatrixProps = Readonly<{ tracks: readonly TrackStatusView[]; clusters: readonly ClusterStateView[] }>;

/** Every cluster by every track: what scores there, what should, and what is odd. */
export function ClusterMatrix({ tracks, clusters }: MatrixProps) {
  const [filter, setFilter] = useState('');
  const [odd, setOdd] = useState(false);
  const shown = useMemo(() => {
    const wanted = filter.trim().toLowerCase();
    return clusters.filter((row) => row.cluster.includes(wanted) && (!odd || signOf(row) !== 'good'));
  }, [clusters, filter, odd]);
  // What fits a screen is painted first, then the rest.
  const [rowsMax, setRowsMax] = useState(rowsFirst);
  useEffect(() => {
    const timer = setTimeout(() => setRowsMax(Number.POSITIVE_INFINITY));
    return () => clearTimeout(timer);
  }, []);
  const chosen = (
    <div class="choose">
      <label>
        Filter{' '}
        <input
          type="search"
          value={filter}
          placeholder="cluster"
          onInput={({ currentTarget }) => setFilter(currentTarget.value)}
        />
      </label>
      <label>
        <input type="checkbox" checked={odd} onChange={({ currentTarget }) => setOdd(currentTarget.checked)} /> only
        what is not well
      </label>
      <span class="quiet" role="status">
        {shown.length} of {clusters.length}
      </span>
    </div>
  );
  return (
    <Panel title="Clusters" aside={chosen}>
      <Wide label="Clusters by tracks, a table">
        <table class="matrix" {...semantics.table} style={{ '--tracks': tracks.length }}>
          <thead {...semantics.rows}>
            <tr {...semantics.row}>
              <th scope="col" {...semantics.head}>
                cluster
              </th>
              <th scope="col" {...semantics.head}>
                certificate ends
              </th>
              {tracks.map(({ track }) => (
                <th key={track} scope="col" {...semantics.head}>
                  <Said text={track} />
                </th>
              ))}
            </tr>
          </thead>
          {parts(shown.slice(0, rowsMax)).map((rows, at) => (
            <tbody key={at} {...semantics.rows}>
              {rows.map((row) => (
                <Row key={row.cluster} row={row} />
              ))}
            </tbody>
          ))}
        </table>
      </Wide>
      <p class="quiet legend">
        <Mark sign="good" /> runs what it should <Mark sign="warning" /> behind, away or often left out{' '}
        <Mark sign="critical" /> refused a release, or its certificate ended <Mark sign="none" /> its agent said nothing
      </p>
    </Panel>
  );
}

function parts(rows: readonly ClusterStateView[]): readonly (readonly ClusterStateView[])[] {
  const count = Math.ceil(rows.length / rowsTogether);
  return Array.from({ length: count }, (_, at) => rows.slice(at * rowsTogether, (at + 1) * rowsTogether));
}

type RowProps = Readonly<{ row: ClusterStateView }>;

/** Drawn again only when it changed: of 500 rows a running round changes a few at a time. */
class Row extends Component<RowProps> {
  override shouldComponentUpdate(next: RowProps): boolean {
    return next.row !== this.props.row;
  }

  override render({ row }: RowProps) {
    return (
      <tr {...semantics.row}>
        <th scope="row" {...semantics.name}>
          <Mark sign={signOf(row)} title={whyOf(row)} />{' '}
          <Link to={pathOf('clusters', row.cluster)}>
            <Said text={row.cluster} />
          </Link>
          {!row.connected && <span class="tag">away</span>}
          {row.quarantined && <span class="tag">quarantine</span>}
        </th>
        <td {...semantics.cell}>
          <When ms={row.certificateExpiresAtMs} />
        </td>
        {row.tracks.map((cell) => (
          <Cell key={cell.track} cell={cell} />
        ))}
      </tr>
    );
  }
}

function Cell({ cell }: Readonly<{ cell: ClusterTrackView }>) {
  const { live, wanted, shadow, refusedCode, score, excludedIn } = cell;
  const alerts = cell.alerts.reduce((sum, { count }) => sum + count, 0);
  const families = cell.alerts.map(({ family, count }) => `${family} ${count}`).join(', ');
  return (
    <td {...semantics.cell}>
      <Mark sign={signOfCell(cell)} title={refusedCode ?? undefined} /> {live === null ? '–' : `v${live}`}
      {wanted !== null && wanted !== live && <span class="quiet"> → v{wanted}</span>}
      {shadow !== null && <span class="tag">shadow v{shadow}</span>}
      {score !== null && score < 1 && (
        <span class="tag" title={`last left out in ${excludedIn ?? 'none'}`}>
          record {score.toFixed(2)}
        </span>
      )}
      {alerts > 0 && (
        <span class="tag alerts" title={families}>
          {alerts.toLocaleString('en')} alerts
        </span>
      )}
    </td>
  );
}

function signOfCell({ live, wanted, refusedCode, score }: ClusterTrackView): Sign {
  if (refusedCode !== null) return 'critical';
  if (live === null) return 'none';
  return (wanted !== null && live !== wanted) || (score !== null && score < scoreLow) ? 'warning' : 'good';
}

function signOf(row: ClusterStateView): Sign {
  const cells = row.tracks.map(signOfCell);
  const leftMs = row.certificateExpiresAtMs - Date.now();
  if (cells.includes('critical') || leftMs <= 0) return 'critical';
  if (!row.connected || row.quarantined || cells.includes('warning') || leftMs < certificateLeftMs) return 'warning';
  return 'good';
}

function whyOf(row: ClusterStateView): string | undefined {
  if (row.quarantined) return 'in quarantine';
  return row.connected ? undefined : 'not connected';
}
