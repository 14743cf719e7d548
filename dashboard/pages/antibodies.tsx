import type { KnownAntibody } from '../../coordinator/web/shapes.ts';
import { useAnswer } from '../api/hooks.ts';
import { apiPath } from '../api/requests.ts';
import { Act, Command } from '../parts/act.tsx';
import { Awaited, Panel, Wide } from '../parts/panel.tsx';
import { Code, Mark, Said } from '../parts/text.tsx';
import { When } from '../parts/time.tsx';
import { TrackPage } from './track-page.tsx';

type AntibodiesProps = Readonly<{ words: readonly string[]; mayAct: boolean }>;

/** What one cluster confirmed of an attack, and goes out with a track's releases. */
export function AntibodiesPage({ words: [wanted], mayAct }: AntibodiesProps) {
  return (
    <TrackPage name="Antibodies" section="antibodies" wanted={wanted}>
      {(track) => <OfTrack track={track} mayAct={mayAct} />}
    </TrackPage>
  );
}

function OfTrack({ track, mayAct }: Readonly<{ track: string; mayAct: boolean }>) {
  const answer = useAnswer<readonly KnownAntibody[]>(apiPath('antibodies', track));
  return (
    <Panel title={`Antibodies of ${track}`}>
      <Awaited answer={answer}>
        {(rows) => (rows.length === 0 ? <p>None yet.</p> : <Table track={track} rows={rows} mayAct={mayAct} />)}
      </Awaited>
      <Command text={`testudo antibodies put ${track} FILE --reason 'WHY'`}>
        One is made where the attack was confirmed (`testudo antibodies make`), and put in force with your certificate:
      </Command>
    </Panel>
  );
}

type TableProps = Readonly<{ track: string; rows: readonly KnownAntibody[]; mayAct: boolean }>;

function Table({ track, rows, mayAct }: TableProps) {
  return (
    <Wide label="Antibodies, a table">
      <table>
        <thead>
          <tr>
            <th scope="col">family</th>
            <th scope="col">state</th>
            <th scope="col">confirmed by</th>
            <th scope="col" class="number">
              examples
            </th>
            <th scope="col">put</th>
            <th scope="col">ends</th>
            <th scope="col">digest</th>
            <th scope="col">why</th>
            <th scope="col">
              <span class="spoken">what to do</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={`${row.digest} ${row.putAtMs}`}>
              <th scope="row">
                <Said text={row.family} />
              </th>
              <td>
                <State row={row} />
              </td>
              <td>
                <Said text={row.cluster} />
              </td>
              <td class="number">{row.examples}</td>
              <td>
                <When ms={row.putAtMs} />
              </td>
              <td>
                <When ms={row.expiresAtMs} />
              </td>
              <td>
                <Code text={row.digest.slice(0, 19)} />
              </td>
              <td class="prose">
                <Said text={row.revoked ?? row.reason} />
              </td>
              <td>
                {row.revoked === null && (
                  <Act
                    name="Revoke"
                    act="revoke-antibody"
                    fields={{ track, digest: row.digest }}
                    triable={false}
                    disabled={!mayAct}
                  >
                    Releases that follow leave it out; those that are out keep it until a later one is installed.
                  </Act>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Wide>
  );
}

function State({ row }: Readonly<{ row: KnownAntibody }>) {
  if (row.revoked !== null)
    return (
      <>
        <Mark sign="none" /> revoked
      </>
    );
  if (row.expiresAtMs <= Date.now())
    return (
      <>
        <Mark sign="none" /> over
      </>
    );
  return (
    <>
      <Mark sign="good" /> in force
    </>
  );
}
