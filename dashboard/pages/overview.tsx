import { useMemo, useState } from 'preact/hooks';
import type { Attention, CoordinatorView, TrackStatusView } from '../../coordinator/web/shapes.ts';
import { useLive } from '../api/hooks.ts';
import type { Known } from '../api/overview.ts';
import { Figure, Panel } from '../parts/panel.tsx';
import { Table } from '../parts/table.tsx';
import { Code, Mark, Said } from '../parts/text.tsx';
import { When } from '../parts/time.tsx';
import { ClusterMatrix } from './clusters/cluster-matrix.tsx';

const attentionShown = 6;

/** Is every cluster protected, by which model; what waits for me; is someone poisoning us. */
export function OverviewPage() {
  const { known } = useLive();
  return (
    <>
      <h1>Overview</h1>
      {known === undefined ? <p class="quiet">…</p> : <Everything known={known} />}
    </>
  );
}

function Everything({ known }: Readonly<{ known: Known }>) {
  const { coordinator, attention, tracks, clusters } = known;
  const alerts = useMemo(() => alertsIn(clusters), [clusters]);
  return (
    <>
      <dl class="figures">
        <Figure name="clusters connected">
          <b>{coordinator.connectedCount}</b> of {coordinator.enrolledCount}
        </Figure>
        <Figure name="rounds open">
          <b>{tracks.filter(({ openRound }) => openRound !== null).length}</b> of {tracks.length} tracks
        </Figure>
        <Figure name="alerts, 24 h">
          <b>{alerts.toLocaleString('en')}</b>
        </Figure>
        <Figure name="queue">{queueText(coordinator)}</Figure>
        <Figure name="free space">{bytesText(coordinator.freeBytes)}</Figure>
        <Figure name="pins end">
          <When ms={coordinator.pinsExpiresAtMs} />
        </Figure>
      </dl>
      <WantsAttention rows={attention.rows} count={attention.count} />
      <Tracks tracks={tracks} />
      <ClusterMatrix tracks={tracks} clusters={clusters} />
    </>
  );
}

function WantsAttention({ rows, count }: Readonly<{ rows: readonly Attention[]; count: number }>) {
  const [all, setAll] = useState(false);
  const shown = all ? rows : rows.slice(0, attentionShown);
  const more = (
    <button type="button" class="plain" aria-expanded={all} onClick={() => setAll(!all)}>
      {all ? 'Show fewer' : `Show all ${count}`}
    </button>
  );
  return (
    <Panel title="What wants attention" aside={count > attentionShown ? more : undefined}>
      {count === 0 ? (
        <p>
          <Mark sign="good" /> Nothing.
        </p>
      ) : (
        <ul class="attention">
          {shown.map((row) => (
            <li key={`${row.code} ${row.track} ${row.cluster} ${row.text}`}>
              <Mark sign={row.severity} />
              <span class="about">
                {row.cluster !== '' && <Code text={row.cluster} />} {row.track !== '' && <Code text={row.track} />}
              </span>
              <span class="what">
                <Said text={row.text} />
                {row.atMs !== null && (
                  <span class="quiet">
                    {' '}
                    (<When ms={row.atMs} />)
                  </span>
                )}
              </span>
              <span class="code quiet">{row.code}</span>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function Tracks({ tracks }: Readonly<{ tracks: readonly TrackStatusView[] }>) {
  return (
    <Panel title="Tracks">
      <Table
        label="Tracks, a table"
        heads={[
          'track',
          { number: 'stable' },
          { number: 'canary' },
          { number: 'newest' },
          'round',
          'next',
          'last',
          { number: 'would come' },
        ]}
      >
        {tracks.map((row) => (
          <TrackRow key={row.track} row={row} />
        ))}
      </Table>
    </Panel>
  );
}

function TrackRow({ row }: Readonly<{ row: TrackStatusView }>) {
  const { openRound, acceptedCount, quorumCount, next, lastRound, lastAbandonedBecause } = row;
  return (
    <tr>
      <th scope="row">
        <Said text={row.track} />
      </th>
      <td class="number">{row.stable ?? '–'}</td>
      <td class="number">{row.canary ?? '–'}</td>
      <td class="number">{row.head}</td>
      <td>
        {openRound === null ? (
          <span class="quiet">none open</span>
        ) : (
          <>
            {openRound}{' '}
            <progress aria-label={`updates of ${openRound}`} max={Math.max(1, quorumCount)} value={acceptedCount} />{' '}
            {acceptedCount} of {quorumCount || '?'} needed
            {row.closesAtMs !== null && (
              <span class="quiet">
                , closes <When ms={row.closesAtMs} />
              </span>
            )}
          </>
        )}
      </td>
      <td>
        <When ms={next?.atMs} />
        {next?.heldBecause != null && <Mark sign="notice" title={`held back: ${next.heldBecause}`} />}
      </td>
      <td>
        {lastRound === null ? (
          '–'
        ) : (
          <>
            {lastRound}{' '}
            {lastAbandonedBecause === null ? <Mark sign="good" title="gave a model" /> : <Mark sign="warning" />}{' '}
            {lastAbandonedBecause !== null && <Said text={lastAbandonedBecause} />} <When ms={row.lastEndedAtMs} />
          </>
        )}
      </td>
      <td class="number">{row.eligibleCount}</td>
    </tr>
  );
}

function alertsIn(clusters: Known['clusters']): number {
  let sum = 0;
  for (const { tracks } of clusters) for (const { alerts } of tracks) for (const { count } of alerts) sum += count;
  return sum;
}

function queueText({ queue, workerCount }: CoordinatorView): string {
  if (queue === 'embedded') return 'in this process';
  if (queue === 'redisAway') return 'Redis does not answer';
  return `Redis, ${workerCount ?? 0} ${workerCount === 1 ? 'worker' : 'workers'}`;
}

function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = bytes > 0 ? Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10)) : 0;
  return `${(bytes / 1024 ** power).toFixed(power > 2 ? 1 : 0)} ${units[power]}`;
}
