import { useMemo } from 'preact/hooks';
import type { MeasuredPart, RoundDetail, RoundView } from '../../../coordinator/web/shapes.ts';
import { useAnswer } from '../../api/hooks.ts';
import { apiPath } from '../../api/requests.ts';
import { pathOf } from '../../api/route.ts';
import { Act } from '../../parts/act.tsx';
import { Link } from '../../parts/link.tsx';
import { Awaited, Figure, Panel } from '../../parts/panel.tsx';
import { type Dot, Scatter } from '../../parts/scatter.tsx';
import { short } from '../../parts/short.ts';
import { Code, Mark, Said } from '../../parts/text.tsx';
import { Exactly } from '../../parts/time.tsx';
import { Phase } from './phase.tsx';
import { PlacesPanel } from './places.tsx';
import { kindOf, PartTable } from './round-parts.tsx';

type RoundProps = Readonly<{ track: string; round: string; mayAct: boolean }>;

/** What one round did, whom it left out, and why. */
export function RoundPage({ track, round, mayAct }: RoundProps) {
  const answer = useAnswer<RoundDetail>(apiPath('round', track, round));
  return <Awaited answer={answer}>{(detail) => <Detail detail={detail} mayAct={mayAct} />}</Awaited>;
}

function Detail({ detail, mayAct }: Readonly<{ detail: RoundDetail; mayAct: boolean }>) {
  const { summary, parts, ran, scores, classes } = detail;
  const { track, round } = summary;
  const isOpen = summary.phase !== 'candidate' && summary.phase !== 'abandoned';
  const cancel = (
    <Act name="Cancel the round" act="cancel-round" fields={{ track, round }} triable={false} disabled={!mayAct}>
      {round} ends now and gives no model; updates that it took are not counted.
    </Act>
  );
  const record = (
    <a href={apiPath('record', track, round)} download={`${track}-${round}.json`}>
      Download its record
    </a>
  );
  return (
    <>
      <Panel title={`Round ${round} of ${track}`} aside={isOpen ? cancel : ran && record}>
        <Phases row={summary} />
        <p>
          <Phase row={summary} /> {detail.abandonedDetail !== '' && <Said text={`(${detail.abandonedDetail})`} />}
        </p>
        <p class="quiet">
          Opened because: <Said text={detail.reason} />
        </p>
        <dl class="figures">
          <Figure name="rule">
            <Code text={detail.rule} />
          </Figure>
          <Figure name="f">
            {detail.f}
            {ran !== null && ran.fApplied !== detail.f && ` (ran with ${ran.fApplied})`}
          </Figure>
          <Figure name="invited">{summary.cohortCount}</Figure>
          <Figure name="accepted">
            {summary.acceptedCount} {detail.quorumCount > 0 && `of ${detail.quorumCount} needed`}
          </Figure>
          <Figure name="admitted by the rule">{ran === null ? '–' : `${ran.nAdmitted} of ${ran.n}`}</Figure>
          <Figure name="candidate">
            {summary.candidate === undefined ? (
              '–'
            ) : (
              <Link to={pathOf('releases', track)}>version {summary.candidate.version}</Link>
            )}
          </Figure>
        </dl>
      </Panel>
      {ran !== null && <Pictures parts={parts} scores={scores} />}
      {ran !== null && <PlacesPanel parts={parts} map={detail.map} />}
      {classes.length > 0 && <Classes classes={classes} />}
      <PartTable parts={parts} scores={scores} />
    </>
  );
}

const phases = ['recruiting', 'collecting', 'aggregating', 'candidate'] as const;

/** How far it came. */
function Phases({ row }: Readonly<{ row: RoundView }>) {
  const at = phases.indexOf(row.phase as (typeof phases)[number]);
  const times = [row.openedAtMs, row.openedAtMs, row.closesAtMs, row.endedAtMs];
  return (
    <ol class="phases">
      {phases.map((phase, index) => (
        <li key={phase} class={index <= at ? 'reached' : ''} aria-current={index === at ? 'step' : undefined}>
          <b>{phase}</b> {index <= at && index !== 1 && times[index] !== null && <Exactly ms={times[index]} />}
        </li>
      ))}
    </ol>
  );
}

function Pictures({ parts, scores }: Readonly<{ parts: readonly MeasuredPart[]; scores: RoundDetail['scores'] }>) {
  const scored = useMemo(() => scoreDots(parts), [parts]);
  const mapped = useMemo(() => mapDots(parts), [parts]);
  const lines = [
    ...(scores.keptUpTo === null ? [] : [{ y: scores.keptUpTo, name: `kept up to ${short(scores.keptUpTo)}` }]),
  ];
  const joined = useMemo(() => neighbours(parts), [parts]);
  return (
    <div class="pair">
      <Panel title="Scores against the threshold">
        <Scatter
          label="Scores of all updates, lowest first"
          xName="updates, by score"
          yName="score, in powers of ten"
          dots={scored}
          lines={lines}
          logarithmic
        />
      </Panel>
      <Panel title="Where each update points">
        <Scatter
          label="Updates in the plane: along the aggregate and across it"
          xName="along the aggregate"
          yName="across it"
          dots={mapped}
          joined={joined}
          square
        />
        <p class="quiet">
          Each by its true length and its true angle to the aggregate; lines join nearest neighbours. Two that stand
          together need not be near each other, two that are joined are.
        </p>
      </Panel>
    </div>
  );
}

function scoreDots(parts: readonly MeasuredPart[]): readonly Dot[] {
  const scored = parts.filter((part) => part.score !== null).toSorted((a, b) => (a.score ?? 0) - (b.score ?? 0));
  return scored.map((part, at) => ({
    x: at + 1,
    y: part.score ?? 0,
    kind: kindOf(part),
    name: part.cluster,
    said: `score ${short(part.score)}`,
  }));
}

function mapDots(parts: readonly MeasuredPart[]): readonly Dot[] {
  return parts.flatMap((part) => {
    const { norm, cosine } = part;
    if (norm === null || cosine === null) return [];
    const said = `length ${short(norm)}, cosine ${short(cosine)}`;
    return [
      {
        x: norm * cosine,
        y: norm * Math.sqrt(Math.max(0, 1 - cosine ** 2)),
        kind: kindOf(part),
        name: part.cluster,
        said,
      },
    ];
  });
}

function neighbours(parts: readonly MeasuredPart[]): readonly (readonly [string, string])[] {
  return parts.flatMap(({ cluster, neighbours: [nearest] }) =>
    nearest === undefined ? [] : [[cluster, nearest] as const],
  );
}

function Classes({ classes }: Readonly<{ classes: RoundDetail['classes'] }>) {
  return (
    <Panel title="Classes">
      <ul class="plain-list">
        {classes.map(({ class: name, holders, leftOut, f, text, covered }) => (
          <li key={name}>
            <Mark sign={f > 0 || covered ? 'good' : 'warning'} /> <Code text={name} />: {holders.length} holders,{' '}
            {leftOut.length} left out, withstands {f}. <Said text={text} />
          </li>
        ))}
      </ul>
    </Panel>
  );
}
