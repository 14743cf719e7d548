import { useState } from 'preact/hooks';
import { Act } from '../parts/act.tsx';
import { Panel } from '../parts/panel.tsx';
import { Said } from '../parts/text.tsx';

const hours = [1, 4, 24, 72] as const;

/** Keeps a track still for a while: no round opens and no channel moves by itself. */
export function Freezing({ track, mayAct }: Readonly<{ track: string; mayAct: boolean }>) {
  const [chosen, setChosen] = useState<number>(hours[1]);
  // Whole minutes, so that the act means what its dry run meant.
  const untilMs = Math.ceil(Date.now() / 60_000) * 60_000 + chosen * 3_600_000;
  return (
    <Panel title="Hold still">
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
