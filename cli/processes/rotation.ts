import { closeSync, openSync, readSync } from 'node:fs';
import { Command } from '@commander-js/extra-typings';
import { readWhole, textBytesMax } from '../../base/text/read-whole.ts';
import { table } from '../../base/text/table.ts';
import { type LastingCode, lastingFindings } from '../../client/posture/exposure.ts';
import { logKeyOf } from '../../client/response/rotation/rotation-log.ts';
import { rotationSecretOf } from '../../client/response/rotation/secret.ts';
import { type Verified, verifyLog } from '../../client/response/rotation/verify.ts';
import { exitCodes, exitWith, usage } from '../exit.ts';
import { print } from '../print.ts';

/** Of the log; an entry has some hundred. */
const lineBytesMax = 1_048_576;

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
      const exposures = pods === undefined ? new Map() : exposuresIn(pods);
      const verified = verifyLog(linesOf(file), Buffer.from(key, 'hex'), head, exposures);
      const { findings, waitedMs } = verified;
      print(json === true ? JSON.stringify({ ...verified, waitedMs: Object.fromEntries(waitedMs) }) : textOf(verified));
      if (findings.length > 0) process.exitCode = exitCodes.attention;
    });
}

/** By uid. */
function exposuresIn(file: string): ReadonlyMap<string, readonly LastingCode[]> {
  const text = read(file).toString('utf8');
  try {
    const { items } = JSON.parse(text) as { items: readonly { metadata: { uid: string }; spec: unknown }[] };
    return new Map(items.map(({ metadata, spec }) => [metadata.uid, lastingFindings(spec)]));
  } catch {
    const message = `${file} is no list of pods; give what \`kubectl get pods -A -o json\` prints`;
    return exitWith({ code: 'FILE_REFUSED', message });
  }
}

function keyCommand() {
  return new Command('key')
    .description('Print the public key of the rotation log that this secret signs.')
    .argument('<secret>', 'the file of rotation.secretFile, or rotation.secret in the data directory')
    .action((file) => {
      const secret = rotationSecretOf(read(file), file);
      if (!secret.ok) return exitWith(secret.fault);
      print(Buffer.from(logKeyOf(secret.value).publicKey).toString('hex'));
    });
}

function read(file: string): Buffer {
  return orRefused(file, () => readWhole(file, textBytesMax));
}

/**
 * Lines that are not empty, one in memory: a log grows for as long as its agent runs. What follows the last end of a line is being
 * written, or was when the agent was killed, which takes it away.
 */
function* linesOf(file: string): Generator<string> {
  const opened = orRefused(file, () => openSync(file, 'r'));
  try {
    const piece = Buffer.alloc(lineBytesMax);
    let begun = Buffer.alloc(0);
    for (;;) {
      const bytes = orRefused(file, () => readSync(opened, piece));
      if (bytes === 0) return;
      const text = Buffer.concat([begun, piece.subarray(0, bytes)]);
      let start = 0;
      for (let end = text.indexOf(10); end !== -1; end = text.indexOf(10, start)) {
        if (end > start) yield text.toString('utf8', start, end);
        start = end + 1;
      }
      begun = text.subarray(start);
      if (begun.byteLength > lineBytesMax) {
        exitWith({ code: 'FILE_REFUSED', message: `${file} holds a line of more than a mebibyte: it is no such log` });
      }
    }
  } finally {
    closeSync(opened);
  }
}

function orRefused<Value>(file: string, act: () => Value): Value {
  try {
    return act();
  } catch (error) {
    const message = `${file} cannot be read (${(error as NodeJS.ErrnoException).code})`;
    return exitWith({ code: 'FILE_REFUSED', message });
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
