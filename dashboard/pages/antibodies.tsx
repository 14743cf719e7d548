import type { KnownAntibody } from '../../coordinator/web/shapes.ts';
import { useAnswer } from '../api/hooks.ts';
import { apiPath } from '../api/requests.ts';
import { Act } from '../parts/act.tsx';
import { Command } from '../parts/command.tsx';
import { Awaited, Panel } from '../parts/panel.tsx';
import { Table } from '../parts/table.tsx';
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
        {(rows) => (rows.length === 0 ? <p>None yet.</p> : <AntibodyTable track={track} rows={rows} mayAct={mayAct} />)}
      </Awaited>
      <Command text={`testudo antibodies put ${track} FILE --reason 'WHY'`}>
        One is made where the attack was confirmed (`testudo antibodies make`), and put in force with your certificate:
      </Command>
    </Panel>
  );
}

type TableProps = Readonly<{ track: string; rows: readonly KnownAntibody[]; mayAct: boolean }>;

function AntibodyTable({ track, rows, mayAct }: TableProps) {
  return (
    <Table
      label="Antibodies, a table"
      heads={[
        'family',
        'state',
        'confirmed by',
        { number: 'examples' },
        'put',
        'ends',
        'digest',
        'why',
        <span class="spoken">what to do</span>,
      ]}
    >
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
    </Table>
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
        <Mark sign="none" /> expired
      </>
    );
  return (
    <>
      <Mark sign="good" /> in force
    </>
  );
}
