import { durationText } from '../../base/text/duration.ts';
import type { ApprovalsPage, ApprovalsView } from '../../coordinator/web/shapes.ts';
import { useAnswer } from '../api/hooks.ts';
import type { Known } from '../api/overview.ts';
import { apiPath } from '../api/requests.ts';
import { pathOf } from '../api/route.ts';
import { Command } from '../parts/command.tsx';
import { Link } from '../parts/link.tsx';
import { Awaited, Panel } from '../parts/panel.tsx';
import { Table } from '../parts/table.tsx';
import { Code, Mark, Said, type Sign } from '../parts/text.tsx';
import { When } from '../parts/time.tsx';

type Proposal = ApprovalsView['proposals'][number];

/** Quarantines that clusters ask a person for. Only beside a cluster's agent can one be approved: this page has what it takes to decide. */
export function Approvals({ clusters }: Readonly<{ clusters: Known['clusters'] }>) {
  const seen = clusters.map(({ response }) => response?.revision ?? 0).join(' ');
  const answer = useAnswer<ApprovalsPage>(apiPath('approvals'), seen);
  const telling = clusters.filter(({ response }) => response !== null).length;
  return (
    <Panel title="Quarantines that wait for a person">
      <Awaited answer={answer}>
        {(page) => (
          <>
            <Waiting page={page} />
            <Decided page={page} />
          </>
        )}
      </Awaited>
      <p class="quiet">
        Told by the response agents of {telling} of {clusters.length} clusters. A cluster says how many wait; which,
        only where its own configuration has `quarantine.share: names`.
      </p>
      <Command text="testudo quarantine list">
        No coordinator can approve anything: it is done beside the agent of that cluster, where this shows why each pod
        is suspect, with its alerts.
      </Command>
    </Panel>
  );
}

function Waiting({ page }: Readonly<{ page: ApprovalsPage }>) {
  const waiting = page.clusters.filter(({ waits }) => waits > 0);
  if (waiting.length === 0) {
    return (
      <p>
        <Mark sign="good" /> No quarantine waits for anybody.
      </p>
    );
  }
  return (
    <>
      {waiting.map(({ cluster, waits, sharesNames, proposals, heardAtMs }) => {
        const open = proposals.filter(({ outcome }) => outcome === '');
        return (
          <section key={cluster} aria-label={`Waiting in ${cluster}`}>
            <h3>
              <Mark sign="warning" />{' '}
              <Link to={pathOf('clusters', cluster)}>
                <Said text={cluster} />
              </Link>
              : {waits} {waits === 1 ? 'waits' : 'wait'}{' '}
              <span class="quiet">
                (told <When ms={heardAtMs} />)
              </span>
            </h3>
            {sharesNames ? (
              open.map((proposal) => <Asked key={proposal.uid} proposal={proposal} />)
            ) : (
              <p class="quiet">This cluster does not say which.</p>
            )}
            {sharesNames && open.length < waits && <p class="quiet">and {waits - open.length} more</p>}
          </section>
        );
      })}
    </>
  );
}

/** What an operator needs to decide on one pod, and the commands for either answer. */
function Asked({ proposal }: Readonly<{ proposal: Proposal }>) {
  const { uid, namespace, pod, workload, risk, alertCount, tracks, sinceMs, untilMs } = proposal;
  return (
    <div class="proposal">
      <p>
        <Code text={`${namespace}/${pod}`} /> of <Said text={workload} />: risk {risk.toFixed(1)}, {alertCount} alerts
        of <Said text={tracks.join(', ') || 'no track'} />. Asked <When ms={sinceMs} />; its alerts are enough{' '}
        <When ms={untilMs} /> at least, then it is asked no more. <strong>{wouldBe(proposal)}</strong>
      </p>
      <div class="pair">
        <Command text={`testudo quarantine approve ${uid} -d FOLDER -r 'WHY'`}>
          To approve it, beside the agent:
        </Command>
        <Command text={`testudo quarantine decline ${uid} -d FOLDER -r 'WHY'`}>To let it be:</Command>
      </div>
    </div>
  );
}

/** The dry run. */
function wouldBe({ action, keepForMs }: Proposal): string {
  if (action === 'evict') return 'Approved, it would be evicted, after its evidence was taken; its set starts another.';
  return `Approved, it would be cut off from the network and from its Service, kept for ${durationText(keepForMs)}, then evicted.`;
}

const outcomes: Readonly<Record<string, readonly [Sign, string]>> = {
  approved: ['good', 'approved'],
  declined: ['good', 'declined'],
  enforced: ['notice', 'done without asking: the policy says enforce now'],
  lapsed: ['none', 'expired: its alerts were no longer enough, and nobody had said a word'],
  held: ['warning', 'held: a budget, the breaker or the policy stands against it'],
  gone: ['none', 'the pod is gone'],
};

function Decided({ page }: Readonly<{ page: ApprovalsPage }>) {
  const decided = page.clusters.flatMap(({ cluster, proposals }) =>
    proposals.filter(({ outcome }) => outcome !== '').map((proposal) => ({ cluster, ...proposal })),
  );
  if (decided.length === 0) return null;
  decided.sort((a, b) => b.decidedAtMs - a.decidedAtMs);
  return (
    <Table label="Decided within a day, a table" heads={['cluster', 'pod', 'what became of it', 'when', 'by', 'why']}>
      {decided.map(({ cluster, uid, namespace, pod, outcome, decidedAtMs, decidedBy, reason }) => {
        const [sign, text] = outcomes[outcome] ?? (['none', outcome] as const);
        return (
          <tr key={`${cluster} ${uid} ${decidedAtMs}`}>
            <th scope="row">
              <Link to={pathOf('clusters', cluster)}>
                <Said text={cluster} />
              </Link>
            </th>
            <td>
              <Code text={`${namespace}/${pod}`} />
            </td>
            <td>
              <Mark sign={sign} /> <Said text={text} />
            </td>
            <td>
              <When ms={decidedAtMs} />
            </td>
            <td>{decidedBy === '' ? '–' : <Said text={decidedBy} />}</td>
            <td class="prose">
              <Said text={reason} />
            </td>
          </tr>
        );
      })}
    </Table>
  );
}
