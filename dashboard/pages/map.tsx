import { useMemo } from 'preact/hooks';
import { useLive } from '../api/hooks.ts';
import type { Known } from '../api/overview.ts';
import { pathOf } from '../api/route.ts';
import { Command } from '../parts/act.tsx';
import { Link } from '../parts/link.tsx';
import { Panel, Wide } from '../parts/panel.tsx';
import { Mark, Said } from '../parts/text.tsx';

/** What each cluster agreed to share: counts, and nothing else is known here. */
export function MapPage() {
  const { known } = useLive();
  return (
    <>
      <h1>Map</h1>
      <Panel title="What clusters share">
        <p>
          <Mark sign="notice" /> Services, edges, templates and what is open stay in each cluster: no cluster of this
          federation shares more than counts of alerts by track.
        </p>
        {known !== undefined && <Counts clusters={known.clusters} tracks={known.tracks} />}
        <Command text="testudo map FILE">
          A cluster's own map, who calls whom with which templates, is made beside it:
        </Command>
      </Panel>
    </>
  );
}

function Counts({ clusters, tracks }: Pick<Known, 'clusters' | 'tracks'>) {
  const rows = useMemo(
    () => clusters.filter(({ tracks: cells }) => cells.some(({ alerts }) => alerts.length > 0)),
    [clusters],
  );
  if (rows.length === 0) return <p>No cluster told of an alert in the last 24 hours.</p>;
  return (
    <Wide label="Counts by cluster and track, a table">
      <table>
        <thead>
          <tr>
            <th scope="col">cluster</th>
            {tracks.map(({ track }) => (
              <th key={track} scope="col" class="number">
                <Said text={track} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ cluster, tracks: cells }) => (
            <tr key={cluster}>
              <th scope="row">
                <Link to={pathOf('clusters', cluster)}>
                  <Said text={cluster} />
                </Link>
              </th>
              {cells.map(({ track, alerts }) => (
                <td key={track} class="number">
                  {alerts.reduce((sum, { count }) => sum + count, 0)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Wide>
  );
}
