import { useMemo } from 'preact/hooks';
import type { ClusterPage, ClusterStateView, StandingView } from '../../../coordinator/web/shapes.ts';
import { useAnswer, useLive } from '../../api/hooks.ts';
import { apiPath } from '../../api/requests.ts';
import { pathOf } from '../../api/route.ts';
import { Act } from '../../parts/act.tsx';
import { Command } from '../../parts/command.tsx';
import { History } from '../../parts/history.tsx';
import { Link } from '../../parts/link.tsx';
import { Awaited, Figure, Panel } from '../../parts/panel.tsx';
import { short } from '../../parts/short.ts';
import { Table } from '../../parts/table.tsx';
import { Code, Mark, Said } from '../../parts/text.tsx';
import { When } from '../../parts/time.tsx';
import { Pins } from '../pins.tsx';
import { fates } from '../rounds/round-parts.tsx';
import { ClusterMatrix } from './cluster-matrix.tsx';
import { ResponseParts } from './cluster-response.tsx';

type ClustersProps = Readonly<{ words: readonly string[]; mayAct: boolean }>;

/** All clusters, or one of them: how rounds judged it, what it saw, and what can be done about it. */
export function ClustersPage({ words: [name], mayAct }: ClustersProps) {
  const { known } = useLive();
  const here = known?.clusters.find(({ cluster }) => cluster === name);
  const answer = useAnswer<ClusterPage>(
    name === undefined ? undefined : apiPath('cluster', name),
    here?.response?.revision,
  );
  if (name === undefined) {
    return (
      <>
        <h1>Clusters</h1>
        {known !== undefined && <ClusterMatrix tracks={known.tracks} clusters={known.clusters} />}
      </>
    );
  }
  return (
    <>
      <h1>
        Cluster <Said text={name} />
      </h1>
      <Awaited answer={answer}>{(page) => <Cluster page={page} here={here} mayAct={mayAct} />}</Awaited>
    </>
  );
}

type ClusterProps = Readonly<{ page: ClusterPage; here: ClusterStateView | undefined; mayAct: boolean }>;

function Cluster({ page, here, mayAct }: ClusterProps) {
  const { cluster: row, standings } = page;
  const { cluster, quarantined } = row;
  const act = (
    <Act
      name={quarantined ? 'Let it take part again' : 'Quarantine'}
      act="quarantine"
      fields={{ cluster, quarantined: !quarantined }}
      triable={false}
      disabled={!mayAct || row.status === 'revoked'}
    >
      {quarantined
        ? 'Its updates count again from the next round on.'
        : 'Its updates are kept out, of the open rounds too.'}
    </Act>
  );
  return (
    <>
      <Panel title="Membership" aside={act}>
        <dl class="figures">
          <Figure name="state">
            <Mark sign={row.status === 'revoked' ? 'critical' : quarantined || !row.connected ? 'warning' : 'good'} />{' '}
            {row.status === 'revoked'
              ? 'revoked'
              : quarantined
                ? 'in quarantine'
                : row.connected
                  ? 'connected'
                  : 'away'}
          </Figure>
          <Figure name="certificate ends">
            <When ms={row.certificateExpiresAtMs} />
          </Figure>
          <Figure name="enrolled">
            <When ms={row.enrolledAtMs} />
          </Figure>
          <Figure name="signing key">
            <Code text={row.signingKeyDigest.slice(0, 19)} />
          </Figure>
          <Figure name="labels">
            {Object.entries(row.labels).map(([key, value]) => (
              <span key={key} class="tag">
                <Said text={`${key}=${value}`} />
              </span>
            ))}
          </Figure>
        </dl>
        <Command text={`testudo clusters revoke ${cluster} --reason 'WHY'`}>
          To end its membership for good, which needs an admin:
        </Command>
      </Panel>
      <Alerts alerts={page.alerts} />
      <ResponseParts response={page.response} />
      <Pins
        pins={page.pins}
        cluster={cluster}
        tracks={(here?.tracks ?? []).map(({ track, live, wanted }) => ({ track, version: live ?? wanted }))}
      />
      {standings.length === 0 && (
        <Panel title="Record">
          <p>It took part in no round that is kept.</p>
        </Panel>
      )}
      {standings.map((standing) => (
        <Standing key={standing.track} standing={standing} />
      ))}
    </>
  );
}

function Alerts({ alerts }: Readonly<{ alerts: ClusterPage['alerts'] }>) {
  const families = useMemo(() => byFamily(alerts), [alerts]);
  return (
    <Panel title="Alerts of the last 24 hours, as it counts them">
      {families.length === 0 ? (
        <p>None.</p>
      ) : (
        <Table
          label="Alerts by family, a table"
          heads={['family', 'track', { number: 'alerts' }, 'last hour that had one']}
        >
          {families.map(({ family, track, count, lastMs }) => (
            <tr key={`${family} ${track}`}>
              <th scope="row">
                <Said text={family} />
              </th>
              <td>
                <Said text={track} />
              </td>
              <td class="number">{count.toLocaleString('en')}</td>
              <td>
                <When ms={lastMs} />
              </td>
            </tr>
          ))}
        </Table>
      )}
      <p class="quiet">
        Counts alone leave a cluster. `testudo alerts list`, beside its client, shows what they are about.
      </p>
    </Panel>
  );
}

function byFamily(alerts: ClusterPage['alerts']) {
  const sums = new Map<string, { family: string; track: string; count: number; lastMs: number }>();
  for (const { family, track, count, hourMs } of alerts) {
    const sum = sums.get(`${family} ${track}`) ?? { family, track, count: 0, lastMs: 0 };
    sum.count += count;
    sum.lastMs = Math.max(sum.lastMs, hourMs);
    sums.set(`${family} ${track}`, sum);
  }
  return [...sums.values()].sort((a, b) => b.count - a.count);
}

function Standing({ standing }: Readonly<{ standing: StandingView }>) {
  const { track, rounds, leftOut, refused, score, recent, suggestion, because } = standing;
  // Made once: a history is drawn anew for every new list.
  const [scores, lengths, cosines] = useMemo(() => {
    const inOrder = recent.toReversed();
    return [inOrder.map(({ score }) => score), inOrder.map(({ norm }) => norm), inOrder.map(({ cosine }) => cosine)];
  }, [recent]);
  return (
    <Panel title={`Record in ${track}`}>
      <p>
        <Mark sign={suggestion === 'none' ? 'good' : 'warning'} /> {advice[suggestion]} (<Said text={because} />) Record{' '}
        {score.toFixed(2)}: of {rounds} rounds, left out of {leftOut}, refused in {refused}.
      </p>
      <div class="pair">
        <History label={`Scores of the last ${recent.length} rounds, oldest first`} name="score" values={scores} />
        <History label={`Lengths of the last ${recent.length} updates, oldest first`} name="length" values={lengths} />
        <History
          label={`Cosine to the aggregate in the last ${recent.length} rounds, oldest first`}
          name="cosine to the aggregate"
          values={cosines}
        />
      </div>
      <Table
        label={`Rounds of ${track}, a table`}
        heads={[
          'round',
          'fate',
          { number: 'score' },
          { number: 'length' },
          { number: 'cosine' },
          { number: 'weight' },
          'code',
        ]}
      >
        {recent.map((round) => (
          <tr key={round.round}>
            <th scope="row">
              <Link to={pathOf('rounds', track, round.round)}>{round.round}</Link>
            </th>
            <td>
              <Mark sign={fates[round.fate][0]} /> {fates[round.fate][1]}
              {round.leftOutOf.length > 0 && (
                <>
                  {' '}
                  (of <Said text={round.leftOutOf.join(', ')} />)
                </>
              )}
            </td>
            <td class="number">{short(round.score)}</td>
            <td class="number">{short(round.norm)}</td>
            <td class="number">{short(round.cosine)}</td>
            <td class="number">{short(round.weight)}</td>
            <td>{round.code !== '' && <Code text={round.code} />}</td>
          </tr>
        ))}
      </Table>
    </Panel>
  );
}

/** What people may do about a record; nothing follows from it by itself. */
const advice: Readonly<Record<StandingView['suggestion'], string>> = {
  none: 'Nothing to do.',
  watch: 'Watch it.',
  quarantine: 'Look at what it sends, then quarantine it.',
  readmit: 'It may be let in again.',
};
