import { builtInKinds, defaultKind } from '../../client/tracks/track-kinds.ts';
import { readCredentials } from '../../coordinator/keys/operator-credentials.ts';
import { orExit } from '../exit.ts';
import { complain } from '../print.ts';
import type { OperatorConnection } from './connection.ts';
import { enrolAddressOf } from './enrol-address.ts';
import { trustedRootText } from './release-trust.ts';

/** What a coordinator has to say to a client, beside its token. */
type ClientStart = Readonly<{
  /** host:port of the federation's and of the enrolment port. */
  address: string;
  enrolAddress: string;
  /** Root metadata, as text. */
  trustAnchor: string;
  /** Tracks of the federation that a client has built in; the default one where there is none. */
  tracks: readonly string[];
  /** Tracks of the federation that a client does not bring. */
  foreign: readonly string[];
}>;

type Asked = Readonly<{
  credentials: string;
  address?: string | undefined;
  coordinator?: string | undefined;
  enrol?: string | undefined;
}>;

/** Asks for it. `address`: where this operator reaches it. `coordinator`, `enrol`: where the cluster reaches it, where that is not as the credentials say. */
export async function clientStart(
  connection: OperatorConnection,
  { credentials, address: reached, coordinator, enrol }: Asked,
): Promise<ClientStart> {
  const own = orExit(await readCredentials(credentials));
  const address = coordinator ?? own.address;
  if (coordinator === undefined && reached !== undefined && reached !== own.address) {
    complain(
      `a cluster is told ${address || 'no address'}, as the credentials say; you reach the coordinator at ${reached}. ` +
        `If it shall too: --coordinator ${reached} --enrol HOST:PORT`,
    );
  }
  const trustAnchor = await trustedRootText(connection, credentials, own);
  const { tracks } = await connection.call(connection.client.listTracks, {});
  const ids = tracks.map(({ settings }) => settings?.track ?? '');
  const known = ids.filter((id) => builtInKinds().includes(id));
  return {
    address,
    enrolAddress: enrol ?? (coordinator === undefined ? own.enrolAddress : undefined) ?? enrolAddressOf(address),
    trustAnchor,
    tracks: known.length > 0 ? known : [defaultKind],
    foreign: ids.filter((id) => !known.includes(id)),
  };
}
