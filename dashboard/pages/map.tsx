import { useMemo } from 'preact/hooks';
import type { ClusterMap, MapsPage } from '../../coordinator/web/shapes.ts';
import { useAnswer, useLive } from '../api/hooks.ts';
import type { Known } from '../api/overview.ts';
import { apiPath } from '../api/requests.ts';
import { pathOf } from '../api/route.ts';
import { Command } from '../parts/command.tsx';
import { Link } from '../parts/link.tsx';
import { Awaited, Figure, Panel } from '../parts/panel.tsx';
import { Table } from '../parts/table.tsx';
import { Code, Mark, Said } from '../parts/text.tsx';
import { Exactly, When } from '../parts/time.tsx';

/** What each cluster agreed to share: counts, and of those that said so their services, edges and templates. */
export function MapPage({ words: [cluster] }: Readonly<{ words: readonly string[] }>) {
  return (
    <>
      <h1>Map</h1>
      {cluster === undefined ? <Overview /> : <OfCluster cluster={cluster} />}
    </>
  );
}

function Overview() {
  const { known } = useLive();
  const answer = useAnswer<MapsPage>(apiPath('maps'));
  return (
    <>
      <Panel title="Clusters that share their map">
        <Awaited answer={answer}>{(page) => <Sharing page={page} />}</Awaited>
        <p class="quiet">
          A cluster shares it by its own configuration (`share.map: true`), and no coordinator can ask for more. Of all
          others services, edges, templates and what is open stay where they are.
        </p>
      </Panel>
      <Panel title="What clusters share">
        {known !== undefined && <Counts clusters={known.clusters} tracks={known.tracks} />}
        <Command text="testudo map --data FOLDER">
          A cluster's whole map, who calls whom with which templates, is made beside its client:
        </Command>
      </Panel>
    </>
  );
}

function Sharing({ page }: Readonly<{ page: MapsPage }>) {
  if (page.clusters.length === 0) return <p>None.</p>;
  return (
    <Table
      label="Maps by cluster, a table"
      heads={[
        'cluster',
        { number: 'services' },
        { number: 'edges' },
        { number: 'templates' },
        { number: 'open among closed' },
        { number: 'new' },
        'told',
      ]}
    >
      {page.clusters.map(({ cluster, services, edges, templates, openAmongClosed, fresh, heardAtMs }) => (
        <tr key={cluster}>
          <th scope="row">
            <Link to={pathOf('map', cluster)}>
              <Said text={cluster} />
            </Link>
          </th>
          <td class="number">{services}</td>
          <td class="number">{edges}</td>
          <td class="number">{templates}</td>
          <td class="number">
            <Mark sign={openAmongClosed > 0 ? 'warning' : 'good'} /> {openAmongClosed}
          </td>
          <td class="number">{fresh}</td>
          <td>
            <When ms={heardAtMs} />
          </td>
        </tr>
      ))}
    </Table>
  );
}

function OfCluster({ cluster }: Readonly<{ cluster: string }>) {
  const answer = useAnswer<ClusterMap>(apiPath('map', cluster));
  return (
    <>
      <p>
        <Link to={pathOf('map')}>All clusters</Link> ·{' '}
        <Link to={pathOf('clusters', cluster)}>
          <Said text={cluster} />
        </Link>
      </p>
      <Awaited answer={answer}>{(map) => <Shared map={map} />}</Awaited>
    </>
  );
}

function Shared({ map }: Readonly<{ map: ClusterMap }>) {
  const open = map.templates.filter(({ isOpen }) => isOpen);
  const fresh = map.templates.filter(({ isNew }) => isNew);
  return (
    <>
      <Panel title="What it shares">
        <dl class="figures">
          <Figure name="services">{map.services.length}</Figure>
          <Figure name="edges">{map.edges.length}</Figure>
          <Figure name="templates">{map.templates.length}</Figure>
          <Figure name="seen from">
            <Exactly ms={map.fromMs} />
          </Figure>
          <Figure name="to">
            <Exactly ms={map.untilMs} />
          </Figure>
          <Figure name="new since">
            <Exactly ms={map.newSinceMs} />
          </Figure>
          <Figure name="told">
            <When ms={map.heardAtMs} />
          </Figure>
        </dl>
        {map.leftOff > 0 && (
          <p class="quiet">{map.leftOff} more were left off by the cluster, the least telling ones.</p>
        )}
      </Panel>
      <Panel title="Answered without authentication">
        <Templates label="Open templates, a table" rows={open} none="None." />
      </Panel>
      <Panel title="New templates">
        <Templates label="New templates, a table" rows={fresh} none="None." />
      </Panel>
      <Panel title="Services">
        <Table label="Services, a table" heads={['service', { number: 'requests' }, 'new']}>
          {map.services.map(({ name, requests, isNew }) => (
            <tr key={name}>
              <th scope="row">
                <Said text={name} />
              </th>
              <td class="number">{requests.toLocaleString('en')}</td>
              <td>{isNew && <Fresh />}</td>
            </tr>
          ))}
        </Table>
      </Panel>
      <Panel title="Edges">
        <Table label="Edges, a table" heads={['from', 'to', { number: 'requests' }, 'new']}>
          {map.edges.map(({ from, to, requests, isNew }) => (
            <tr key={`${from} ${to}`}>
              <th scope="row">
                <Said text={from} />
              </th>
              <td>
                <Said text={to} />
              </td>
              <td class="number">{requests.toLocaleString('en')}</td>
              <td>{isNew && <Fresh />}</td>
            </tr>
          ))}
        </Table>
      </Panel>
      <Panel title="Templates">
        <Templates label="Templates, a table" rows={map.templates} none="None." />
      </Panel>
    </>
  );
}

const Fresh = () => (
  <>
    <Mark sign="notice" /> new
  </>
);

type TemplatesProps = Readonly<{ label: string; rows: ClusterMap['templates']; none: string }>;

function Templates({ label, rows, none }: TemplatesProps) {
  if (rows.length === 0) return <p>{none}</p>;
  return (
    <Table
      label={label}
      heads={['service', 'method', 'template', { number: 'requests' }, { number: 'callers' }, 'authentication', 'new']}
    >
      {rows.map(({ service, method, template, requests, callers, isOpen, isOpenAmongClosed, isNew }) => (
        <tr key={`${service} ${method} ${template}`}>
          <th scope="row">
            <Said text={service} />
          </th>
          <td>
            <Code text={method} />
          </td>
          <td>
            <Code text={template} />
          </td>
          <td class="number">{requests.toLocaleString('en')}</td>
          <td class="number">{callers}</td>
          <td>
            <Mark sign={isOpenAmongClosed ? 'warning' : isOpen ? 'notice' : 'none'} />{' '}
            {isOpenAmongClosed ? 'none, and its siblings ask for it' : isOpen ? 'none' : 'asked for, or not seen'}
          </td>
          <td>{isNew && <Fresh />}</td>
        </tr>
      ))}
    </Table>
  );
}

function Counts({ clusters, tracks }: Pick<Known, 'clusters' | 'tracks'>) {
  const rows = useMemo(
    () => clusters.filter(({ tracks: cells }) => cells.some(({ alerts }) => alerts.length > 0)),
    [clusters],
  );
  if (rows.length === 0) return <p>No cluster told of an alert in the last 24 hours.</p>;
  return (
    <Table
      label="Counts of alerts by cluster and track, a table"
      heads={['cluster', ...tracks.map(({ track }) => ({ number: <Said text={track} /> }))]}
    >
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
    </Table>
  );
}
