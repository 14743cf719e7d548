import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { writeFileAtomic } from '../../../base/atomic-file.ts';
import { isListenAddress } from '../../../base/serving/listen.ts';
import { shellWord } from '../../../base/text/shell-word.ts';
import { defaultKind } from '../../../client/tracks/track-kinds.ts';
import { coordinatorConfigJsonSchema, readConfigFile } from '../../../coordinator/config/config.ts';
import { isFederationId } from '../../../proto/ids.ts';
import { claimFile } from '../../claimed-file.ts';
import { exitWith, orExit, usage } from '../../exit.ts';
import { complain, print } from '../../print.ts';

const portMax = 65_535;
const portsWanted = `name one from 1 to ${portMax - 4}, such as 7441`;

/** `testudo coordinator init`: from an empty folder to a coordinator that can be started, and its first admin. */
export function initCommand(host: string) {
  return new Command('init')
    .description('make the configuration, the master key, the certificate authority and the first admin')
    .argument('[folder]', 'where the files go', '.')
    .option('--federation <id>', 'the federation\'s id: 1 to 63 of a-z, 0-9 and "-"', 'herd')
    .option('--admin <name>', "the first admin's name", 'admin')
    .option('--server-name <host...>', 'names and addresses under which clusters will reach it', [host])
    .option(
      '--listen <address:port>',
      'where it listens: enrolment on this port, everything else that clusters and operators ask on the next one; health pages and ' +
        'dashboard on loopback, two and four further on',
      '0.0.0.0:7441',
    )
    .option(
      '--classes <name...>',
      "make the syscall track, too, for the federation's workload classes, such as nginx redis",
    )
    .option('--liars <f>', 'with --classes: how many of the clusters may be hostile at a time', '1')
    .action(async (folder, { federation, admin, serverName, listen, classes, liars }) => {
      if (!isFederationId(federation)) exitWith({ code: 'USAGE', message: '--federation: not a legal federation id' });
      const addresses = addressesFrom(listen);
      const paths = pathsIn(folder);
      // First of all: of two at once, one makes the folder what it is, and the first admin, whose key a second one would void.
      claimFile(paths.credentials, 'CREDENTIALS_EXIST', { withFolder: true });
      if (!existsSync(paths.config)) {
        if (!existsSync(paths.masterKey)) {
          await writeFileAtomic(paths.masterKey, `${randomBytes(32).toString('hex')}\n`);
        }
        if (classes !== undefined) {
          const { liarsOf, writeSyscallTrack } = await import('../../offline/model.ts');
          await writeSyscallTrack(join(folder, defaultKind), classes, liarsOf(liars));
        }
        const sample = sampleConfig(
          federation,
          serverName,
          addresses,
          classes === undefined ? 'tracks: []' : syscallTrack,
        );
        await writeFileAtomic(paths.schema, `${JSON.stringify(coordinatorConfigJsonSchema(), null, 2)}\n`);
        // Last: while it is not there, all that a full disk or a kill left is made again.
        await writeFileAtomic(paths.config, sample);
      }
      const config = orExit(readConfigFile(paths.config, { environment: process.env }));
      const { makeLocalOperator } = await import('../../../coordinator/founding.ts');
      const { replaceCredentials } = await import('../../../coordinator/keys/operator-credentials.ts');
      const reachedAt = (listen: string) =>
        `${config.serverNames[0] ?? '127.0.0.1'}:${listen.slice(listen.lastIndexOf(':') + 1)}`;
      const address = reachedAt(config.listen.federation);
      const enrolment = reachedAt(config.listen.enrolment);
      // Left out where any build's kit would take it for granted, for builds that know no such member.
      const isUsual = enrolment.endsWith(':7441') && address.endsWith(':7442');
      const enrolAddress = isUsual ? {} : { enrolAddress: enrolment };
      const { newPinKey, pinKeyPair } = await import('../../operator/pin-key.ts');
      const pinKey = newPinKey();
      const wanted = { name: admin, role: 'admin', address, pin: pinKeyPair(pinKey) } as const;
      const { credentials, pinIsNamed } = orExit(await makeLocalOperator(config, wanted));
      await replaceCredentials(paths.credentials, { ...credentials, ...enrolAddress, pinKey });
      print(nextSteps(paths, config.dataDirectory));
      if (/:0$/.test(address) || /:0$/.test(enrolment)) complain(portLeft(paths));
      if (!pinIsNamed) complain(pinKeyLeft);
    });
}

type Addresses = Readonly<Record<'enrolment' | 'federation' | 'health' | 'dashboard', string>>;

function addressesFrom(listen: string): Addresses {
  const [, host, text] = /^(.+):(\d{1,5})$/.exec(listen) ?? [];
  const port = Number(text);
  if (host === undefined || !isListenAddress(listen) || port > portMax - 4)
    return usage(`--listen: expected an address and a port up to ${portMax - 4}, such as 0.0.0.0:7441; got ${listen}`);
  if (port === 0) usage(`--listen: clusters are told this port and the next, so that it cannot be 0; ${portsWanted}`);
  const at = (name: string, further: number) => `${name}:${port + further}`;
  return {
    ...{ enrolment: at(host, 0), federation: at(host, 1) },
    ...{ health: at('127.0.0.1', 2), dashboard: at('127.0.0.1', 4) },
  };
}

function pathsIn(folder: string) {
  return {
    config: join(folder, 'coordinator.yaml'),
    schema: join(folder, 'coordinator.schema.json'),
    masterKey: join(folder, 'master.key'),
    credentials: join(folder, 'operator.json'),
  };
}

/** The root keys were taken away, as they should be: only who has them can say that this operator may pin. */
const pinKeyLeft = `the root keys are offline: \`testudo pins key\` shows the new pin key, for the next root to name`;

/** Of a configuration that was there before. */
function portLeft({ config, credentials }: ReturnType<typeof pathsIn>): string {
  return `${config} leaves its ports to the kernel (port 0): ${credentials} reaches nothing before \`listen\` names them; or give --address`;
}

function nextSteps({ config, masterKey, credentials }: ReturnType<typeof pathsIn>, data: string): string {
  return `made ${config}, ${credentials} (the first admin) and ${data}
keep ${masterKey} away from the data: it opens every key in there (masterKey: in ${config})

start it           testudo coordinator --config ${shellWord(config)}
let a cluster in   testudo tokens create eu-west-1 --credentials ${shellWord(credentials)}
take the root key  testudo coordinator export-root --config ${shellWord(config)} --to root.key   (then put it in a safe)`;
}

const syscallTrack = `tracks:
  - { id: syscall, spec: ./syscall/spec.json, model: ./syscall/model.bin, policy: ./syscall/policy.yaml }`;

/** A configuration with every setting that people change, and its default. */
function sampleConfig(
  federation: string,
  serverNames: readonly string[],
  { enrolment, federation: members, health, dashboard }: Addresses,
  tracks: string,
): string {
  return `# yaml-language-server: $schema=./coordinator.schema.json
# Testudo coordinator. Paths are relative to this file; every setting can be overridden with --set path=value.
federation: ${federation}
dataDirectory: ./data

listen:
  enrolment: "${enrolment}"    # server TLS only; serves Enrol and nothing else
  federation: "${members}"   # mTLS, TLS 1.3; everything else
  health: "${health}"     # plain HTTP: /healthz, /readyz, /metrics
  dashboard: "${dashboard}"  # the operators' pages: \`testudo dashboard\` prints a link; docs/dashboard.md

# Names and addresses in the server's certificate, beside coordinator.testudo, which clients check.
serverNames: ${JSON.stringify(serverNames)}

# Opens the keys in dataDirectory. One of: { file: path }, { environment: NAME }, { command: [program, argument] }.
masterKey: { file: ./master.key }

certificates:
  clusterHours: 24    # clients renew at two thirds of this
  operatorDays: 30
  serverDays: 7

# What is true in a database, in the place of dataDirectory: docs/operations.md, "On PostgreSQL".
# journal: { postgres: { address: "postgres://testudo@127.0.0.1/testudo", password: { file: ./postgres.password } } }
# Blobs in a bucket, so that workers and successors share no disk: docs/operations.md, "Blobs in a bucket".
# blobs: { s3: { endpoint: "http://127.0.0.1:9000", bucket: testudo, credentials: { accessKeyId: { file: ./s3-key-id }, secretAccessKey: { file: ./s3-key } } } }
# redis: { url: "redis://127.0.0.1:6379" }   # wake rounds and aggregate on any number of \`testudo worker\`

log: { level: info }

# Tracks that exist from the start; \`testudo tracks put\` does the same to a running coordinator.
# tracks:
#   - { id: syscall, spec: ./syscall.spec.json, model: ./syscall.model.bin, policy: ./syscall.policy.yaml }
${tracks}
`;
}
