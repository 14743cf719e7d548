import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { ensurePrivateFolder, writeFileAtomic } from '../../base/atomic-file.ts';
import { clientConfigJsonSchema } from '../../client/config.ts';
import { addressesIn, oneOrMore } from '../../client/link/address.ts';
import { claimFile } from '../claimed-file.ts';
import { exitWith } from '../exit.ts';

/** What a client's first configuration says; the rest is by default. */
export type ClientKit = Readonly<{
  /** host:port of the federation's and of the enrolment port; of several coordinators with commas between. */
  address: string;
  enrolAddress: string;
  tracks: readonly string[];
  /** Lie beside the configuration, where they are given: what only the coordinator's operator has. */
  token?: string;
  trustAnchor?: string;
}>;

const names = {
  config: 'client.yaml',
  schema: 'client.schema.json',
  token: 'join-token',
  anchor: 'root.json',
} as const;

/**
 * Everything that a client starts with, in a folder that was claimed: configuration, its JSON Schema for editors, and, as far as
 * they are given, the join token (readable by its owner alone) and the root that releases are checked against.
 */
export async function writeClientKit(folder: string, kit: ClientKit): Promise<string> {
  const path = join(folder, names.config);
  ensurePrivateFolder(folder);
  await writeFileAtomic(join(folder, names.schema), `${JSON.stringify(clientConfigJsonSchema(), null, 2)}\n`);
  if (kit.trustAnchor !== undefined) await writeFileAtomic(join(folder, names.anchor), kit.trustAnchor);
  if (kit.token !== undefined) await writeFileAtomic(join(folder, names.token), `${kit.token}\n`);
  await writeFileAtomic(path, configText(kit));
  return path;
}

/**
 * Takes a folder for a kit before anything is made that is good once, and ends where none can be written there, or a
 * configuration is there already: it may have been edited, or another command is at it.
 */
export function claimKitFolder(folder: string): void {
  for (const path of Object.values(names).map((name) => join(folder, name))) {
    if (existsSync(path) && statSync(path).isDirectory()) unwritable(`${path} is a folder, and a file shall lie there`);
  }
  let place = resolve(folder);
  while (!existsSync(place)) place = dirname(place);
  if (!statSync(place).isDirectory()) unwritable(`${place} is no folder`);
  accessSync(place, constants.W_OK);
  claimFile(join(folder, names.config), 'OUTPUT_EXISTS', { withFolder: true });
}

function unwritable(what: string): never {
  return exitWith({ code: 'OUTPUT_UNWRITABLE', message: `${what}; name another folder, or move it away` });
}

function configText({ address, enrolAddress, tracks, token, trustAnchor }: ClientKit): string {
  const joins =
    token === undefined
      ? '# joinToken: { file: ./join-token }      # from `testudo tokens create`; needed until the cluster is enrolled'
      : `joinToken: { file: ./${names.token} }        # good once; needed until the cluster is enrolled`;
  const anchor =
    trustAnchor === undefined
      ? '# agent: { trustAnchor: ./root.json }    # whose signatures releases need; else the first root that comes is trusted'
      : `agent: { trustAnchor: ./${names.anchor} }      # whose signatures releases need`;
  return `# yaml-language-server: $schema=./${names.schema}
# A cluster's client. Paths are relative to this file; \`testudo client --config ${names.config} --check\` says what is wrong.
dataDirectory: ./data

coordinator:
  addresses: ${JSON.stringify(addressesIn(address))}
  enrolAddress: ${JSON.stringify(oneOrMore(enrolAddress))}

${joins}
${anchor}
tracks: [${tracks.join(', ')}]

# What it watches: docs/sources.md has every kind.
sources: []
#  - { kind: tetragonFile, path: /var/run/cilium/tetragon/tetragon.log }
#  - { kind: hubbleFile, path: /var/run/cilium/hubble/events.log }

health: { listen: "127.0.0.1:9464" }     # /healthz, /readyz, /metrics
`;
}
