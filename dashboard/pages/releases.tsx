import type { GateView, ReleasesPage as Page, ReleaseView } from '../../coordinator/web/shapes.ts';
import { useAnswer } from '../api/hooks.ts';
import { apiPath } from '../api/requests.ts';
import { pathOf } from '../api/route.ts';
import { Act } from '../parts/act.tsx';
import { Link } from '../parts/link.tsx';
import { Awaited, Panel } from '../parts/panel.tsx';
import { Table } from '../parts/table.tsx';
import { Code, Mark, Said } from '../parts/text.tsx';
import { When } from '../parts/time.tsx';
import { Freezing } from './freezing.tsx';
import { GatePanel } from './gate.tsx';
import { Pins } from './pins.tsx';
import { TrackPage } from './track-page.tsx';

type ReleasesProps = Readonly<{ words: readonly string[]; mayAct: boolean }>;

/** A track's versions: where they come from, who runs them, what stands between them and stable. */
export function ReleasesPage({ words: [wanted], mayAct }: ReleasesProps) {
  return (
    <TrackPage name="Releases" section="releases" wanted={wanted}>
      {(track) => <OfTrack track={track} mayAct={mayAct} />}
    </TrackPage>
  );
}

function OfTrack({ track, mayAct }: Readonly<{ track: string; mayAct: boolean }>) {
  const answer = useAnswer<Page>(apiPath('releases', track));
  return (
    <Awaited answer={answer}>
      {(page) => (
        <>
          <Channels track={track} page={page} mayAct={mayAct} />
          {(page.hasGate ? page.gates : []).map((gate: GateView) => (
            <GatePanel key={gate.version} track={track} gate={gate} mayAct={mayAct} />
          ))}
          <Lineage track={track} page={page} mayAct={mayAct} />
          <Freezing track={track} freezes={page.freezes} mayAct={mayAct} />
          <Pins
            pins={page.pins}
            cluster={undefined}
            tracks={[{ track, version: page.channels.find(({ name }) => name === 'stable')?.version ?? null }]}
          />
        </>
      )}
    </Awaited>
  );
}

function Channels({ track, page, mayAct }: Readonly<{ track: string; page: Page; mayAct: boolean }>) {
  const stable = page.channels.find(({ name }) => name === 'stable')?.version;
  const canary = page.channels.find(({ name }) => name === 'canary')?.version;
  const back = (
    <Act name="Roll back" act="roll-back" fields={{ track }} triable disabled={!mayAct}>
      Stable goes back to the version before {stable ?? 'it'}, never below the floor ({page.floor}).
    </Act>
  );
  return (
    <Panel title="Channels" aside={back}>
      <Table label="Channels, a table" heads={['channel', { number: 'version' }, { number: 'clusters' }, 'shadows']}>
        {page.channels.map(({ name, version, clusterCount, shadows }) => (
          <tr key={name}>
            <th scope="row">
              <Said text={name} />
            </th>
            <td class="number">{version}</td>
            <td class="number">{clusterCount}</td>
            <td>{shadows === null ? '–' : <Said text={shadows} />}</td>
          </tr>
        ))}
      </Table>
      <p class="quiet">
        Floor {page.floor}, newest {page.head}
        {canary !== undefined && stable !== undefined && canary > stable && `; ${canary} waits to become stable`}.{' '}
        {page.hasGate ? 'A gate stands between canary and stable.' : 'No gate: a candidate is stable at once.'}
      </p>
    </Panel>
  );
}

function Lineage({ track, page, mayAct }: Readonly<{ track: string; page: Page; mayAct: boolean }>) {
  const stable = page.channels.find(({ name }) => name === 'stable')?.version ?? -1;
  return (
    <Panel title="Versions">
      <Table
        label="Versions, a table"
        heads={[
          'version',
          'from',
          'made',
          { number: 'live in' },
          { number: 'shadow in' },
          'digest',
          'state',
          <span class="spoken">what to do</span>,
        ]}
      >
        {page.releases.map((row, at) => {
          const version = row.model?.version ?? page.releases.length - 1 - at;
          return <VersionRow key={version} version={version} row={row} stable={stable} track={track} mayAct={mayAct} />;
        })}
      </Table>
    </Panel>
  );
}

type VersionProps = Readonly<{ track: string; version: number; stable: number; row: ReleaseView; mayAct: boolean }>;

function VersionRow({ track, version, stable, row, mayAct }: VersionProps) {
  const { round, createdAtMs, channels, revoked, belowFloor, removed, liveCount, shadowCount, model } = row;
  const mayServe = row.manifestDigest !== null && !revoked && !belowFloor && !removed;
  return (
    <tr>
      <th scope="row">
        {version}
        {channels.map((name) => (
          <span key={name} class="tag">
            <Said text={name} />
          </span>
        ))}
      </th>
      <td>
        {round === null ? (
          <span class="quiet">no round</span>
        ) : (
          <Link to={pathOf('rounds', track, round)}>{round}</Link>
        )}
      </td>
      <td>
        <When ms={createdAtMs} />
      </td>
      <td class="number">{liveCount}</td>
      <td class="number">{shadowCount}</td>
      <td>{model === undefined ? '–' : <Code text={model.digest.slice(0, 19)} />}</td>
      <td>
        {revoked ? <Mark sign="critical" /> : removed || belowFloor ? <Mark sign="none" /> : <Mark sign="good" />}{' '}
        {revoked ? 'revoked' : removed ? 'files removed' : belowFloor ? 'below the floor' : 'may be served'}
      </td>
      <td>
        {mayServe && version > stable && (
          <Act name={`Promote ${version}`} act="promote" fields={{ track, version }} triable disabled={!mayAct}>
            Stable moves forward from {stable} to {version}.
          </Act>
        )}{' '}
        {row.manifestDigest !== null && !revoked && (
          <Act name={`Revoke ${version}`} act="revoke" fields={{ track, version }} triable disabled={!mayAct}>
            Nobody may run {version} any more, for ever; channels that point at it move to the newest legal version.
          </Act>
        )}
      </td>
    </tr>
  );
}
