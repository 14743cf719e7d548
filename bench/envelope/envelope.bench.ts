import { execFile } from 'node:child_process';
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import nacl from 'tweetnacl';
import { unwrap } from '../../base/fault.ts';
import { newRoundKeyPair } from '../../proto/envelope/crypto/keys.ts';
import { release } from '../../proto/envelope/crypto/wipe.ts';
import { chunkCount, chunkOffset, chunkPlainBytes, format } from '../../proto/envelope/format.ts';
import { createOpener } from '../../proto/envelope/open.ts';
import { sampleContext } from '../../proto/envelope/samples.ts';
import { createSealer } from '../../proto/envelope/seal.ts';
import type { Bench } from '../harness/bench.ts';
import { startOthersMeter } from '../harness/machine.ts';
import { figure, interleave, median } from '../harness/measure.ts';
import type { Report } from '../harness/report.ts';
import type { ChildCost, ChildReport } from './envelope-child.ts';

const run = promisify(execFile);
const childPath = fileURLToPath(new URL('./envelope-child.ts', import.meta.url));
const targets = { extraBytes: 8 * 2 ** 20, loopDelayMsP99: 20 } as const;

/** The deltas of the issue: 0.3, 4 and 64 million float32 values. */
const sizes = [1_200_000, 16_000_000, 256_000_000] as const;

export const bench: Bench = {
  name: 'envelope',
  summary: 'Sealing and opening deltas, beside tweetnacl and node:crypto on the same bytes; memory and event loop.',
  async run({ small, only, repeat }, report) {
    const { version } = createRequire(import.meta.url)('tweetnacl/package.json') as { version: string };
    report.version(`tweetnacl ${version}`);
    report.version(`OpenSSL ${process.versions.openssl}`);
    const chosen = (small ? sizes.slice(0, 1) : sizes).filter(
      (size) => only === undefined || nameOf(size).includes(only),
    );
    const speeds: string[][] = [];
    const meter = startOthersMeter();
    for (const size of chosen) speeds.push(...(await measureSpeed(size, repeat, report)));
    report.text(
      '## Speed\n\nOne thread, bytes in memory, MB/s (10^6 bytes), all contenders in turn: the median of the runs and, in ' +
        `brackets, the best. Others used ${meter() ?? 'an unknown number'} of the machine's cores meanwhile; well above 0, ` +
        "the best is the figure to read. Each sealing pays two of tweetnacl's scalar multiplications and each opening one, " +
        'some milliseconds whatever the size.',
    );
    report.table(['delta', 'what', 'seal', 'open'], speeds);
    const costs: Cost[] = [];
    for (const size of chosen) costs.push(await measureCost(size, report));
    const threadMiB = costs.map(({ threadBytes }) => (threadBytes ?? Number.NaN) / 2 ** 20);
    report.text(
      '## Off the event loop\n\n`EnvelopeWorker` in a process of its own: from values or a file to an fsynced file, with ' +
        'the digest. Extra memory is the peak of resident memory during the job less what was resident before it (the ' +
        'values, the idle thread); event-loop delay is sampled every 1 ms, which it includes. ' +
        `Targets: at most ${targets.extraBytes / 2 ** 20} MiB, p99 below ${targets.loopDelayMsP99} ms for ${nameOf(sizes[2])}. Starting the thread ` +
        `costs ${figure(Math.max(...threadMiB))} MiB once, whatever it seals: half of it is Node reading TypeScript, which a build has not.`,
    );
    report.table(
      ['delta', 'job', 'MB/s', 'extra memory', 'loop delay p99', 'loop delay max', 'targets'],
      costs.flatMap(({ rows }) => rows),
    );
  },
};

function nameOf(plainBytes: number): string {
  return `${plainBytes / 1e6} MB`;
}

async function measureSpeed(plainBytes: number, repeat: number, report: Report): Promise<string[][]> {
  const plain = randomBytes(plainBytes);
  const contenders = { ...ourContenders(plain), ...peerContenders(plain) };
  for (const [name, { open }] of Object.entries(contenders)) {
    if (!open().equals(plain)) throw new Error(`${name}: what was opened is not what was sealed`);
  }
  const rows: string[][] = [];
  const others = startOthersMeter();
  const calls = Object.fromEntries(
    Object.entries(contenders).flatMap(([name, { seal, open }]) => [
      [`${name}: seal`, seal],
      [`${name}: open`, open],
    ]),
  );
  const seconds = await interleave(calls, repeat);
  const othersCores = others();
  for (const name of Object.keys(contenders)) {
    const rates = (what: string) => {
      const all = seconds[`${name}: ${what}`] as number[];
      return { median: plainBytes / 1e6 / median(all), best: plainBytes / 1e6 / Math.min(...all) };
    };
    const [seal, open] = [rates('seal'), rates('open')];
    report.record({
      case: `speed ${nameOf(plainBytes)} ${name}`,
      sealMBPerSecond: seal.median,
      sealMBPerSecondBest: seal.best,
      openMBPerSecond: open.median,
      openMBPerSecondBest: open.best,
      runs: repeat,
      othersCores,
    });
    const cell = ({ median: middle, best }: typeof seal) => `${figure(middle)} (${figure(best)})`;
    rows.push([nameOf(plainBytes), name, cell(seal), cell(open)]);
  }
  return rows;
}

type Contender = Readonly<{ seal(): unknown; open(): Buffer }>;

/** Testudo's envelope in memory. Opening gathers the plaintext, as the peers do. */
function ourContenders(plain: Buffer): Record<string, Contender> {
  const context = sampleContext(plain.byteLength);
  const round = newRoundKeyPair();
  const count = chunkCount(plain.byteLength);

  function seal(take: (bytes: Buffer) => void): void {
    const sealer = unwrap(createSealer(context, round.publicKey));
    take(sealer.prologue);
    for (let index = 0; index < count; index++) {
      const start = index * format.chunkBytes;
      const end = start + chunkPlainBytes(plain.byteLength, index);
      const { cipher, tag } = sealer.sealChunk(index, plain.subarray(start, end));
      take(cipher);
      take(tag);
      release(cipher);
    }
    sealer.wipe();
  }

  function open(sealed: Buffer): Buffer {
    const output = Buffer.allocUnsafe(plain.byteLength);
    const opener = unwrap(createOpener(sealed.subarray(0, format.prologueBytes), context, round));
    for (let index = 0; index < count; index++) {
      const chunk = unwrap(opener.openChunk(index, sealed.subarray(chunkOffset(index), chunkOffset(index + 1))));
      output.set(chunk, index * format.chunkBytes);
      release(chunk);
    }
    opener.wipe();
    return output;
  }

  const parts: Buffer[] = [];
  seal((bytes) => parts.push(Buffer.from(bytes)));
  const sealed = Buffer.concat(parts);
  return {
    'Testudo envelope': { seal: () => seal(() => {}), open: () => open(sealed) },
    'Testudo envelope and SHA-256 of the payload': {
      seal: () => {
        const hash = createHash('sha256');
        seal((bytes) => hash.update(bytes));
        return hash.digest();
      },
      open: () => {
        createHash('sha256').update(sealed).digest();
        return open(sealed);
      },
    },
  };
}

function peerContenders(plain: Buffer): Record<string, Contender> {
  return {
    'node:crypto chacha20-poly1305, one piece': nodeContender('chacha20-poly1305', plain),
    'node:crypto aes-256-gcm, one piece': nodeContender('aes-256-gcm', plain),
    'tweetnacl box, one piece': tweetnaclContender(plain),
  };
}

function nodeContender(algorithm: 'chacha20-poly1305' | 'aes-256-gcm', plain: Buffer): Contender {
  const key = randomBytes(32);
  const nonce = randomBytes(12);
  // The two algorithms are two overloads in the types, with the same calls.
  const chacha = 'chacha20-poly1305' as const;
  const seal = () => {
    const cipher = createCipheriv(algorithm as typeof chacha, key, nonce, { authTagLength: 16 });
    const bytes = cipher.update(plain);
    cipher.final();
    return { bytes, tag: cipher.getAuthTag() };
  };
  const sealed = seal();
  return {
    seal,
    open: () => {
      const decipher = createDecipheriv(algorithm as typeof chacha, key, nonce, { authTagLength: 16 });
      decipher.setAuthTag(sealed.tag);
      const bytes = decipher.update(sealed.bytes);
      decipher.final();
      return bytes;
    },
  };
}

function tweetnaclContender(plain: Buffer): Contender {
  const [ours, theirs] = [newRoundKeyPair(), newRoundKeyPair()];
  const nonce = randomBytes(24);
  const seal = () => nacl.box(plain, nonce, theirs.publicKey, ours.secretKey);
  const sealed = seal();
  return {
    seal,
    open: () => {
      const opened = nacl.box.open(sealed, nonce, ours.publicKey, theirs.secretKey);
      return opened === null ? Buffer.alloc(0) : Buffer.from(opened.buffer, opened.byteOffset, opened.byteLength);
    },
  };
}

type Cost = Readonly<{ rows: string[][]; threadBytes: number | undefined }>;

async function measureCost(plainBytes: number, report: Report): Promise<Cost> {
  const { stdout } = await run(process.execPath, [
    '--disable-warning=ExperimentalWarning',
    childPath,
    String(plainBytes),
  ]);
  const { threadBytes, ...jobs } = JSON.parse(stdout) as ChildReport;
  const isLarge = plainBytes === sizes[2]; // A shorter job ends before a percentile means anything.
  const rows = Object.entries(jobs).map(([job, cost]: [string, ChildCost]) => {
    const isMet =
      cost.extraBytes === undefined
        ? 'not measured'
        : cost.extraBytes <= targets.extraBytes && (!isLarge || cost.loopDelayMsP99 < targets.loopDelayMsP99)
          ? 'met'
          : 'missed';
    report.record({ case: `cost ${nameOf(plainBytes)} ${job}`, ...cost, threadBytes, targets: isMet });
    return [
      nameOf(plainBytes),
      job,
      figure(plainBytes / 1e6 / cost.seconds),
      cost.extraBytes === undefined ? 'not measured' : `${figure(cost.extraBytes / 2 ** 20)} MiB`,
      `${figure(cost.loopDelayMsP99)} ms`,
      `${figure(cost.loopDelayMsMax)} ms`,
      isMet,
    ];
  });
  return { rows, threadBytes };
}
