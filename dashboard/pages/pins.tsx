import type { PinView } from '../../coordinator/web/shapes.ts';
import { Command } from '../parts/command.tsx';
import { Panel } from '../parts/panel.tsx';
import { Table } from '../parts/table.tsx';
import { Said } from '../parts/text.tsx';
import { When } from '../parts/time.tsx';

type PinsProps = Readonly<{
  pins: readonly PinView[];
  /** What a new one would be for: `cluster` undefined where the reader has to say which. */
  cluster: string | undefined;
  tracks: readonly Readonly<{ track: string; version: number | null }>[];
}>;

function antibodyText(track: string, { digest, inUse }: NonNullable<PinView['antibody']>): string {
  return `${track}: antibody ${digest.slice('sha256:'.length, 'sha256:'.length + 12)} ${inUse ? 'in use' : 'out of use'}`;
}

/** Pins in force, and the commands that set and end them: they are signed by a key that this page has not. */
export function Pins({ pins, cluster, tracks }: PinsProps) {
  return (
    <Panel title="Pins">
      {pins.length === 0 ? (
        <p>None: {cluster === undefined ? 'every cluster follows' : 'it follows'} a channel.</p>
      ) : (
        <Table label="Pins in force, a table" heads={['whom', 'held on', 'until', 'set by', 'why', 'to end it']}>
          {pins.map(({ pinId, whom, track, version, antibody, untilMs, setBy, reason }) => (
            <tr key={pinId}>
              <th scope="row">
                <Said text={whom} />
              </th>
              <td>
                <Said text={antibody === null ? `${track}@${version}` : antibodyText(track, antibody)} />
              </td>
              <td>{untilMs === null ? 'no end' : <When ms={untilMs} />}</td>
              <td>
                <Said text={setBy} />
              </td>
              <td class="prose">
                <Said text={reason} />
              </td>
              <td>
                <code>testudo unpin {pinId} --reason 'WHY'</code>
              </td>
            </tr>
          ))}
        </Table>
      )}
      {tracks.map(({ track, version }) => (
        <Command
          key={track}
          text={`testudo pin ${cluster ?? 'CLUSTER'} ${track}@${version ?? 0} --until 14d --reason 'WHY' --dry-run`}
        >
          To hold {cluster === undefined ? 'a cluster' : 'it'} on a version of <Said text={track} />. A pin is signed by
          your own key, which this page has not: type it where your credentials are, and leave `--dry-run` out when it
          shows what you want.
        </Command>
      ))}
    </Panel>
  );
}
