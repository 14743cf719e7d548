import { useState } from 'preact/hooks';
import type { Freeze } from '../../coordinator/web/shapes.ts';
import { Act } from '../parts/act.tsx';
import { Panel } from '../parts/panel.tsx';
import { Table } from '../parts/table.tsx';
import { Mark, Said } from '../parts/text.tsx';
import { When } from '../parts/time.tsx';

const hours = [1, 4, 24, 72] as const;

type FreezingProps = Readonly<{ track: string; freezes: readonly Freeze[]; mayAct: boolean }>;

/** Keeps a track still for a while, and lets it go: until then no round opens and no channel moves by itself. */
export function Freezing({ track, freezes, mayAct }: FreezingProps) {
  const [chosen, setChosen] = useState<number>(hours[1]);
  // Whole minutes, so that the act means what its dry run meant.
  const untilMs = Math.ceil(Date.now() / 60_000) * 60_000 + chosen * 3_600_000;
  return (
    <Panel title="Freeze">
      {freezes.length === 0 ? (
        <p>
          <Mark sign="good" /> Nothing holds it.
        </p>
      ) : (
        <Freezes freezes={freezes} mayAct={mayAct} />
      )}
      <div class="choose">
        <label>
          For{' '}
          <select value={chosen} onChange={({ currentTarget }) => setChosen(Number(currentTarget.value))}>
            {hours.map((count) => (
              <option key={count} value={count}>
                {count} h
              </option>
            ))}
          </select>
        </label>
        <Act name="Freeze" act="freeze" fields={{ tracks: [track], untilMs }} triable disabled={!mayAct}>
          No round of <Said text={track} /> opens and no channel moves by itself for {chosen} hours. What people promote
          or roll back still moves.
        </Act>
      </div>
    </Panel>
  );
}

function Freezes({ freezes, mayAct }: Pick<FreezingProps, 'freezes' | 'mayAct'>) {
  return (
    <Table
      label="Freezes, a table"
      heads={['tracks', 'from', 'until', 'by', 'why', <span class="spoken">what to do</span>]}
    >
      {freezes.map(({ freezeId, tracks, fromMs, untilMs, setBy, reason }) => {
        const which = tracks === 'all' ? 'every track' : tracks.join(', ');
        return (
          <tr key={freezeId}>
            <th scope="row">
              <Said text={which} />
            </th>
            <td>
              <When ms={fromMs} />
            </td>
            <td>
              <When ms={untilMs} />
            </td>
            <td>
              <Said text={setBy} />
            </td>
            <td class="prose">
              <Said text={reason} />
            </td>
            <td>
              <Act name="Unfreeze" act="unfreeze" fields={{ freezeId }} triable disabled={!mayAct}>
                <Said text={which} /> may move by itself again: gates decide, and what schedules missed is one round.
              </Act>
            </td>
          </tr>
        );
      })}
    </Table>
  );
}
