import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { unwrap } from '../base/fault.ts';
import { systemTimers } from '../base/system-timers.ts';
import { parseTrackId } from '../proto/ids.ts';
import { parseClientConfig } from './config.ts';
import { openTracks } from './learning/local-track.ts';
import { LiveTracks } from './live-tracks.ts';
import { createMetrics } from './observability/metrics.ts';

let folder: string;
let live: LiveTracks;
let close: () => Promise<void>;

// No track here has the name of its kind: names are an operator's choice.
const [calls, moreCalls, talk] = [parseTrackId('calls'), parseTrackId('more-calls'), parseTrackId('talk')];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-live-'));
  const settings = {
    dataDirectory: folder,
    coordinator: { addresses: ['127.0.0.1:1'] },
    tracks: [
      { id: calls, folder: 'syscall' },
      { id: moreCalls, folder: 'syscall' },
      { id: talk, folder: 'flow' },
    ],
  };
  const file = { path: join(folder, 'client.yaml'), text: JSON.stringify(settings) };
  const config = unwrap(parseClientConfig({ file }));
  const dataKey = Buffer.alloc(32, 1);
  const tracks = unwrap(await openTracks(config, dataKey, Date.now()));
  const log = pino({ level: 'silent' });
  const identity = () => undefined;
  const metrics = createMetrics();
  live = new LiveTracks({ config, tracks, live: false, dataKey, identity, metrics, log, timers: systemTimers });
  close = async () => {
    await live.close();
    for (const { buffer } of tracks.values()) buffer.close();
  };
});

afterEach(async () => {
  await close();
  await rm(folder, { recursive: true, force: true });
});

describe('LiveTracks', () => {
  const cart = { namespace: 'shop', workload: 'cart', workloadClass: 'cart', pod: 'cart-1' };

  it('tells a workload’s risk by what tracks watch, whatever they are called: the highest of them', () => {
    expect(live.riskOf('system calls', 'shop', 'cart')).toBeUndefined();
    live.risks.hear(talk, cart, 9);
    live.risks.hear(calls, cart, 2);
    live.risks.hear(moreCalls, cart, 3);
    expect(live.riskOf('system calls', 'shop', 'cart')).toBe(3);
    expect(live.riskOf('flows', 'shop', 'cart')).toBe(9);
    expect(live.riskOf('system calls', 'shop', 'search')).toBeUndefined();
  });
});
