import { Command } from '@commander-js/extra-typings';
import { readWhole, textBytesMax } from '../../base/text/read-whole.ts';
import { table } from '../../base/text/table.ts';
import { type LastingCode, lastingFindings } from '../../client/posture/exposure.ts';
import { logKeyOf } from '../../client/response/rotation/rotation-log.ts';
import { type Verified, verifyLog } from '../../client/response/rotation/verify.ts';
import { exitCodes, usage } from '../exit.ts';
import { complain, print } from '../print.ts';

/** `testudo rotation`: what proves afterwards that pods were rotated as they were drawn. */
export function rotationCommand() {
  return new Command('rotation')
    .description('Proves from its log that rotation spared no pod and picked none.')
    .addCommand(verifyCommand())
    .addCommand(keyCommand());
}

function verifyCommand() {
  return new Command('verify')
    .description('Recompute every due time from the log, and compare it with what was done.')
    .argument('<log>', "an agent's rotation.log")
    .requiredOption('-k, --key <hex>', 'the public key that signs it, as `testudo rotation key` printed it')
    .option('--head <sequence digest>', 'what the annotation testudo.io/rotation-log of the lease said, some time ago')
    .option(
      '--pods <file>',
      'what `kubectl get pods -A -o json` printed: exposures in the log are held against these specs',
    )
    .option('--json', 'as JSON')
    .action((file, { key, head, pods, json }) => {
      if (!/^[0-9a-f]{64}$/.test(key)) usage(`--key: expected 64 hexadecimal digits, got ${JSON.stringify(key)}`);
      const text = read(file);
      if (text === undefined) return;
      const lines = text.split('\n').filter((line) => line !== '');
      const exposures = pods === undefined ? new Map() : exposuresIn(pods);
      if (exposures === undefined) return;
      const verified = verifyLog(lines, Buffer.from(key, 'hex'), head, exposures);
      const { findings, waitedMs } = verified;
      print(json === true ? JSON.stringify({ ...verified, waitedMs: Object.fromEntries(waitedMs) }) : textOf(verified));
      if (findings.length > 0) process.exitCode = exitCodes.attention;
    });
}

/** By uid; undefined where the file is none of kubectl's, which is said. */
function exposuresIn(file: string): ReadonlyMap<string, readonly LastingCode[]> | undefined {
  const text = read(file);
  if (text === undefined) return undefined;
  try {
    const { items } = JSON.parse(text) as { items: readonly { metadata: { uid: string }; spec: unknown }[] };
    return new Map(items.map(({ metadata, spec }) => [metadata.uid, lastingFindings(spec)]));
  } catch {
    complain(`FILE_REFUSED: ${file} is no list of pods; give what \`kubectl get pods -A -o json\` prints`);
    process.exitCode = exitCodes.refused;
    return undefined;
  }
}

function keyCommand() {
  return new Command('key')
    .description('Print the public key of the rotation log that this secret signs.')
    .argument('<secret>', 'the file of rotation.secretFile, or rotation.secret in the data directory')
    .action((file) => {
      const secret = read(file, 'latin1');
      if (secret !== undefined) print(Buffer.from(logKeyOf(Buffer.from(secret, 'latin1')).publicKey).toString('hex'));
    });
}

function read(file: string, encoding: 'utf8' | 'latin1' = 'utf8'): string | undefined {
  try {
    return readWhole(file, textBytesMax).toString(encoding);
  } catch (error) {
    complain(`FILE_REFUSED: ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
    process.exitCode = exitCodes.refused;
    return undefined;
  }
}

function textOf({ findings, lines, pods, proven, waitedMs }: Verified): string {
  const head = `${lines} lines, ${pods} pods, ${proven} of them of epochs whose key is told: these are proven.`;
  const waits = table(
    [...waitedMs].sort((a, b) => b[1] - a[1]),
    [
      { title: 'due pods waited for', text: ([reason]) => reason },
      { title: 'hours', text: ([, ms]) => (ms / 3_600_000).toFixed(1), align: 'right' },
    ],
  );
  const found = table(findings, [
    { title: 'line', text: ({ line }) => String(line), align: 'right' },
    { title: 'finding', text: ({ kind }) => kind },
    { title: 'pod', text: ({ pod }) => pod ?? '' },
    { title: 'what', text: ({ text }) => text },
  ]);
  return `${head}\n\n${waits}\n\n${findings.length === 0 ? 'Nobody was spared, picked or late.' : found}`.trimEnd();
}
