import type { RoundView } from '../../../coordinator/web/shapes.ts';
import { useAnswer } from '../../api/hooks.ts';
import { apiPath } from '../../api/requests.ts';
import { pathOf } from '../../api/route.ts';
import { Act } from '../../parts/act.tsx';
import { Link } from '../../parts/link.tsx';
import { Awaited, Panel } from '../../parts/panel.tsx';
import { Table } from '../../parts/table.tsx';
import { Said } from '../../parts/text.tsx';
import { When } from '../../parts/time.tsx';
import { TrackPage } from '../track-page.tsx';
import { TrackProgress } from '../track-progress.tsx';
import { Phase } from './phase.tsx';
import { RoundPage } from './round.tsx';

/** A track's rounds, or one of them. */
export function RoundsPage({
  words: [wanted, round],
  mayAct,
}: Readonly<{ words: readonly string[]; mayAct: boolean }>) {
  return (
    <TrackPage name="Rounds" section="rounds" wanted={wanted}>
      {(track) =>
        round === undefined ? (
          <RoundList track={track} mayAct={mayAct} />
        ) : (
          <RoundPage track={track} round={round} mayAct={mayAct} />
        )
      }
    </TrackPage>
  );
}

function RoundList({ track, mayAct }: Readonly<{ track: string; mayAct: boolean }>) {
  const answer = useAnswer<readonly RoundView[]>(apiPath('rounds', track));
  const open = (
    <Act name="Open a round" act="open-round" fields={{ track }} triable={false} disabled={!mayAct}>
      A round of <Said text={track} /> opens now, beside its schedule.
    </Act>
  );
  return (
    <>
      <TrackProgress track={track} />
      <Panel title={`Rounds of ${track}`} aside={open}>
        <Awaited answer={answer}>
          {(rounds) => (rounds.length === 0 ? <p>None yet.</p> : <RoundTable rounds={rounds} />)}
        </Awaited>
      </Panel>
    </>
  );
}

function RoundTable({ rounds }: Readonly<{ rounds: readonly RoundView[] }>) {
  return (
    <Table
      label="Rounds, a table"
      heads={[
        'round',
        'phase',
        'opened',
        'ended',
        { number: 'invited' },
        { number: 'accepted' },
        { number: 'refused' },
        { number: 'version' },
      ]}
    >
      {rounds.map((row) => (
        <tr key={row.round}>
          <th scope="row">
            <Link to={pathOf('rounds', row.track, row.round)}>{row.round}</Link>
          </th>
          <td>
            <Phase row={row} />
          </td>
          <td>
            <When ms={row.openedAtMs} />
          </td>
          <td>
            <When ms={row.endedAtMs} />
          </td>
          <td class="number">{row.cohortCount}</td>
          <td class="number">{row.acceptedCount}</td>
          <td class="number">{row.refusedCount}</td>
          <td class="number">{row.candidate?.version ?? '–'}</td>
        </tr>
      ))}
    </Table>
  );
}
