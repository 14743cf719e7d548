import type { GateView } from '../../coordinator/web/shapes.ts';
import { Act } from '../parts/act.tsx';
import { Panel } from '../parts/panel.tsx';
import { Table } from '../parts/table.tsx';
import { Mark, Said, type Sign } from '../parts/text.tsx';
import { When } from '../parts/time.tsx';

const signs: Readonly<Record<GateView['decision'], Sign>> = {
  waiting: 'notice',
  promote: 'good',
  hold: 'critical',
  reject: 'warning',
};

type GateProps = Readonly<{ track: string; gate: GateView; mayAct: boolean }>;

/** Where a candidate stands between canary and stable, and a person's word against it. */
export function GatePanel({ track, gate, mayAct }: GateProps) {
  const { version, decision, reasons, decidedBy, approvals, approvalsNeeded } = gate;
  const isOver = decidedBy !== null && decision !== 'hold';
  return (
    <Panel title={`Gate of version ${version}`}>
      <p>
        <Mark sign={signs[decision]} /> <b>{decision}</b>
        {decidedBy !== null && (
          <>
            {' '}
            by <Said text={decidedBy} /> <When ms={gate.decidedAtMs} />
          </>
        )}
        {gate.deadlineMs !== null && decidedBy === null && (
          <>
            , silence becomes a hold <When ms={gate.deadlineMs} />
          </>
        )}
      </p>
      <ul class="plain-list">
        {reasons.map((reason) => (
          <li key={reason}>
            <Said text={reason} />
          </li>
        ))}
        {approvals.map(({ by, decision: word, reason, atMs }) => (
          <li key={`${by} ${atMs}`}>
            <Mark sign="notice" /> <Said text={by} /> says {word} (<When ms={atMs} />
            ): <Said text={reason} />; {approvals.length} of {approvalsNeeded}
          </li>
        ))}
      </ul>
      {gate.reports.length > 0 && <Reports gate={gate} />}
      {!isOver && (
        <p class="buttons">
          <Act
            name="Let it pass"
            act="gate"
            fields={{ track, version, decision: 'promote' }}
            triable
            disabled={!mayAct}
          >
            In the gate's place: version {version} becomes stable.{' '}
            {approvalsNeeded > 1 && `${approvalsNeeded} people must say so.`}
          </Act>
          <Act name="Reject it" act="gate" fields={{ track, version, decision: 'reject' }} triable disabled={!mayAct}>
            In the gate's place: version {version} does not become stable.
          </Act>
        </p>
      )}
    </Panel>
  );
}

function Reports({ gate }: Readonly<{ gate: GateView }>) {
  return (
    <Table
      label={`Reports on version ${gate.version}, a table`}
      heads={[
        'canary',
        { number: 'scored' },
        { number: 'agreed' },
        { number: 'alerts, shadow and live' },
        'attacks found, shadow and live',
      ]}
    >
      {gate.reports.map((report) => (
        <tr key={report.cluster}>
          <th scope="row">
            <Said text={report.cluster} />
          </th>
          <td class="number">{report.scoredCount.toLocaleString('en')}</td>
          <td class="number">
            {report.scoredCount === 0 ? '–' : `${((100 * report.agreedCount) / report.scoredCount).toFixed(1)} %`}
          </td>
          <td class="number">
            {report.shadowAlertCount} / {report.liveAlertCount}
          </td>
          <td>
            {report.recalls.map(({ attackClass, caseCount, shadowFoundCount, liveFoundCount }) => (
              <span key={attackClass} class="tag">
                <Said text={attackClass} /> {shadowFoundCount} / {liveFoundCount} of {caseCount}
              </span>
            ))}
          </td>
        </tr>
      ))}
    </Table>
  );
}
