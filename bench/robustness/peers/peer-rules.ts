import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

/** Rules that other frameworks have, and what they call nearly the same; versions as shared/bench/peers pins them. */
export const peerRules = {
  'Flower: krum': ['flower', 'krum'],
  'Flower: multi-krum': ['flower', 'multi-krum'],
  'Flower: bulyan': ['flower', 'bulyan'],
  'Flower: median': ['flower', 'median'],
  'Flower: trimmed mean': ['flower', 'trimmed mean'],
  'ByzFL: krum': ['byzfl', 'krum'],
  'ByzFL: multi-krum': ['byzfl', 'multi-krum'],
  'ByzFL: median': ['byzfl', 'median'],
  'ByzFL: trimmed mean': ['byzfl', 'trimmed mean'],
  'ByzFL: geometric median': ['byzfl', 'geometric median'],
  'ByzFL: minimum diameter': ['byzfl', 'minimum diameter'],
  'ByzFL: CAF': ['byzfl', 'CAF'],
  'ByzFL: mixing + multi-krum': ['byzfl', 'mixing + multi-krum'],
  'ByzFL: mixing + geometric median': ['byzfl', 'mixing + geometric median'],
  'ByzFL: clipping + mixing + trimmed mean': ['byzfl', 'clipping + mixing + trimmed mean'],
} as const satisfies Record<string, readonly [library: string, rule: string]>;
export type PeerRuleName = keyof typeof peerRules;

/** A peer's rule in a process of its own. Shapes: rows of [d] → [d]. */
export type PeerRule = Readonly<{
  combine(rows: readonly Float32Array[]): Promise<Float64Array>;
  close(): void;
}>;

const script = fileURLToPath(new URL('./rule_server.py', import.meta.url));

/** The Python that setup.sh of the peers made, or undefined where there is none. */
export function peersPython(): string | undefined {
  const environments = process.env.PEERS_VENV ?? path.join(os.homedir(), '.cache', 'testudo-peers');
  const python = path.join(environments, 'core', 'bin', 'python');
  return existsSync(python) ? python : undefined;
}

export function startPeerRule(python: string, name: PeerRuleName, f: number): PeerRule {
  const [library, rule] = peerRules[name];
  const child = spawn(python, [script, library, rule, String(f)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('close', (code) => reject(new Error(`${name} ended with ${code} before it answered`)));
  });
  failed.catch(() => {}); // Heard by whoever waits for an answer.
  const answers = bytesOf(child.stdout);
  return {
    async combine(rows) {
      const d = rows[0]?.length ?? 0;
      send(child, rows, d);
      const bytes = await Promise.race([answers(8 * d), failed]);
      return new Float64Array(Uint8Array.from(bytes).buffer);
    },
    close: () => child.stdin.end(),
  };
}

function send({ stdin }: ChildProcessByStdio<Writable, Readable, null>, rows: readonly Float32Array[], d: number) {
  stdin.write(Buffer.from(Int32Array.of(rows.length, d).buffer));
  for (const row of rows) stdin.write(Buffer.from(row.buffer, row.byteOffset, row.byteLength));
}

/** Exactly so many bytes, as often as it is asked; one question at a time. */
function bytesOf(stream: Readable): (count: number) => Promise<Buffer> {
  let held = Buffer.alloc(0);
  let wanted: { count: number; resolve(bytes: Buffer): void } | undefined;
  const serve = () => {
    if (wanted === undefined || held.length < wanted.count) return;
    const { count, resolve } = wanted;
    wanted = undefined;
    const bytes = held.subarray(0, count);
    held = held.subarray(count);
    resolve(bytes);
  };
  stream.on('data', (bytes: Buffer) => {
    held = Buffer.concat([held, bytes]);
    serve();
  });
  return (count) =>
    new Promise((resolve) => {
      wanted = { count, resolve };
      serve();
    });
}
