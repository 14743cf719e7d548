import type { ClusterPage } from '../../../coordinator/web/shapes.ts';
import { pathOf } from '../../api/route.ts';
import { Command } from '../../parts/command.tsx';
import { Link } from '../../parts/link.tsx';
import { Figure, Panel } from '../../parts/panel.tsx';
import { Table } from '../../parts/table.tsx';
import { Code, Mark, Said } from '../../parts/text.tsx';
import { When } from '../../parts/time.tsx';

type Standing = NonNullable<ClusterPage['response']>;

/** What the cluster's response agent does with pods, in counts, as it tells. */
export function ResponseParts({ response }: Readonly<{ response: ClusterPage['response'] }>) {
  if (response === null) {
    return (
      <Panel title="Quarantine and rotation of its pods">
        <p>No response agent of it has told anything: none runs, or it shares nothing.</p>
      </Panel>
    );
  }
  return (
    <>
      <QuarantinePart quarantine={response.quarantine} heardAtMs={response.heardAtMs} />
      <RotationPart rotation={response.rotation} />
    </>
  );
}

function QuarantinePart({ quarantine, heardAtMs }: Pick<Standing, 'quarantine' | 'heardAtMs'>) {
  const { waitsCount, heldCount, quietCount, begunCount, isolatedCount, partlyCount } = quarantine;
  const { unenforcedCount, unjudgedCount, spentCount, cap, policyFault, policyUntilMs } = quarantine;
  const inQuarantine = isolatedCount + partlyCount + unenforcedCount + unjudgedCount;
  return (
    <Panel title="Quarantine of its pods">
      <dl class="figures">
        <Figure name="wait for a person">
          <Mark sign={waitsCount > 0 ? 'warning' : 'good'} />{' '}
          {waitsCount > 0 ? <Link to={pathOf('alerts')}>{waitsCount}</Link> : waitsCount}
        </Figure>
        <Figure name="in quarantine">{inQuarantine}</Figure>
        <Figure name="of these not cut off">
          <Mark sign={partlyCount + unenforcedCount > 0 ? 'critical' : 'good'} /> {partlyCount + unenforcedCount}
        </Figure>
        <Figure name="begun in 24 h">{spentCount}</Figure>
        <Figure name="held back">{heldCount}</Figure>
        <Figure name="being begun">{begunCount}</Figure>
        <Figure name="with too few alerts">{quietCount}</Figure>
        <Figure name="policy">
          {policyFault === '' ? (
            <>
              in force until <When ms={policyUntilMs} />, {cap} at most
            </>
          ) : (
            <Code text={policyFault} />
          )}
        </Figure>
        <Figure name="told">
          <When ms={heardAtMs} />
        </Figure>
      </dl>
      <p class="quiet">Counts, as its agent tells them. `testudo quarantine list`, beside the agent, names the pods.</p>
    </Panel>
  );
}

const calendars: Readonly<Record<string, string>> = {
  '': 'rotations may begin',
  FROZEN: 'a freeze is in force',
  WINDOW: 'rotations are for other hours',
};

function RotationPart({ rotation }: Pick<Standing, 'rotation'>) {
  if (rotation === undefined) {
    return (
      <Panel title="Rotation of its pods">
        <p>Its agent rotates nothing.</p>
      </Panel>
    );
  }
  const { mode, inFlightCount, rotatedCount, countedSinceMs, lastAtMs, calendar, calendarUntilMs } = rotation;
  const over = new Map(rotation.overBound.map(({ reason, count }) => [reason, count]));
  const waiting = new Map(rotation.waiting.map(({ reason, count }) => [reason, count]));
  const reasons = [...new Set([...waiting.keys(), ...over.keys()])];
  return (
    <Panel title="Rotation of its pods">
      <dl class="figures">
        <Figure name="mode">
          <Said text={mode} />
        </Figure>
        <Figure name="done">
          {rotatedCount}{' '}
          <span class="quiet">
            since <When ms={countedSinceMs} />
          </span>
        </Figure>
        <Figure name="last">
          <When ms={lastAtMs} />
        </Figure>
        <Figure name="under way">{inFlightCount}</Figure>
        <Figure name="calendar">
          <Said text={calendars[calendar] ?? calendar} />
          {calendarUntilMs > 0 && (
            <>
              {' '}
              until <When ms={calendarUntilMs} />
            </>
          )}
        </Figure>
      </dl>
      {reasons.length === 0 ? (
        <p>
          <Mark sign="good" /> No pod that is due waits, and none is beyond the bound.
        </p>
      ) : (
        <Table
          label="What holds rotations, a table"
          heads={['rule', { number: 'due and waiting' }, { number: 'beyond the bound' }]}
        >
          {reasons.map((reason) => (
            <tr key={reason}>
              <th scope="row">
                <Code text={reason} />
              </th>
              <td class="number">{waiting.get(reason) ?? 0}</td>
              <td class="number">{over.get(reason) ?? 0}</td>
            </tr>
          ))}
        </Table>
      )}
      <Command text="testudo agent pods">
        When the next pod is due leaves no cluster: nobody without its key may foretell it. Which are due and wait, and
        why, this shows beside the agent:
      </Command>
    </Panel>
  );
}
